"""The connections of visitors."""

import select

from tools.lab.ground.http import Connections


class Kept(Connections):
    """Connections that are not used again once the server has closed them, as browsers do it: a
    facade that gets other routes closes those that are idle."""

    def _take(self):
        while True:
            connection = super()._take()
            if connection.sock is None or not is_readable(connection.sock):
                return connection
            connection.close()


def is_readable(sock):
    """Whether there is something to read, such as the end."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))

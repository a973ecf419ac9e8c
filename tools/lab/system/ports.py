"""The ports and the address of one system, which no other lab on this machine uses meanwhile.

Caddy lets several servers share a port, so trying a TCP port shows too little, and too early. The
UDP port of the same number, which nobody uses, is the lock: it is given once, and is free again
when this process ends."""

import socket

from tools.lab.ground.failed import Failed
from tools.lab.ground.waiting import free_port, is_listening

USUAL_PORT = 8000
ADDRESSES = [f"127.0.0.{number}" for number in range(1, 20)]


class Ports:
    """What is held until close(); host is the address of the shop."""

    def __init__(self):
        self.host = ADDRESSES[0]
        self.locks = []

    def free(self):
        """A free port, which is ours from now on."""
        while True:
            port = free_port()
            if self._hold(self.host, port):
                return port

    def for_a_browser(self, port=None):
        """The port of a shop that a person looks at: port, or the usual one if it is free, or any.

        Two of them at the same moment have addresses of their own, since a browser sends a
        cookie to every port of an address: with one address they would sign each other out."""
        own = (host for host in ADDRESSES if self._hold(host, USUAL_PORT))
        self.host = next(own, ADDRESSES[0])
        if port and is_listening(port, self.host):
            raise Failed(f"port {port} is taken; choose another with --port", 2)
        if port is None and not is_free(self.host, USUAL_PORT):
            return self.free()
        return port or USUAL_PORT

    def close(self):
        while self.locks:
            self.locks.pop().close()

    def _hold(self, host, port):
        lock = socket.socket(type=socket.SOCK_DGRAM)
        try:
            lock.bind((host, port))
        except OSError:
            lock.close()
            return False
        self.locks.append(lock)
        return True


def is_free(host, port):
    """Whether a server could listen there; what is left of closed connections is no obstacle."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True

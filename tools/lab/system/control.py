"""How a second terminal reaches the lab that runs in a first one: `./lab ps`, kill, stop, start,
restart."""

import secrets
import threading
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Listener


class Control:
    """Listens on the loopback address for whoever knows the key, which only this user can read."""

    def __init__(self, system):
        self.system = system
        self.key = secrets.token_hex(16)
        self.listener = Listener(("127.0.0.1", 0), authkey=self.key.encode())
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def address(self):
        return [self.listener.address[1], self.key]

    def close(self):
        self.listener.close()

    def _serve(self):
        while True:
            try:
                connection = self.listener.accept()
            except (AuthenticationError, EOFError, ConnectionError):
                continue
            except OSError:
                return
            with connection:
                connection.send(self._answer(*connection.recv()))

    def _answer(self, verb, *words):
        supervisor = self.system.supervisor
        try:
            verbs = {
                "ps": supervisor.facts,
                "kill": supervisor.kill,
                "stop": supervisor.stop,
                "start": supervisor.start,
                "restart": self.system.restart,
            }
            done = verbs[verb](*words)
            self.system.note()
        except (
            Exception
        ) as trouble:  # to be said in the terminal that asked, and not to end this thread
            return False, str(trouble.args[0] if trouble.args else trouble)
        return True, done


def ask(noted, *words):
    """(whether it was done, what came of it) from the lab that has noted itself."""
    port, key = noted["control"]
    with Client(("127.0.0.1", port), authkey=key.encode()) as connection:
        connection.send(words)
        return connection.recv()

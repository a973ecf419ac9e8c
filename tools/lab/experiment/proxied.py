"""A system with a fault proxy in front of every server that its own processes use, with databases
or without.

Between a client and a server that is away stands a proxy that accepts and then resets, where
the client would have been refused: so it stands there only in drills of the network, or on both
sides of a comparison."""

from contextlib import ExitStack, contextmanager

from tools.lab.experiment.proxy import Proxy
from tools.lab.system.system import System

HOST = "127.0.0.1"


class Proxied(System):
    """A System whose processes use each other and the backing services through proxies, which are
    {name of the process behind it: Proxy}. The lab itself goes past them. Databases are used
    directly: a proxy in between adds about 0.2 ms to each of the many statements of a request."""

    with_databases = False

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.proxies = {}
        self.addresses = {}  # {address of a server: that of its proxy}
        self.stack = ExitStack()

    def supervise(self, name, command, port, *arguments, **options):
        if self._is_used(name, port) and f"{HOST}:{port}" not in self.addresses:
            self._put_proxy(name, port)
        super().supervise(name, command, port, *arguments, **options)

    def environment(self, process, **more):
        environment = super().environment(process, **more)
        return {name: self._through_proxies(text) for name, text in environment.items()}

    def stop(self, **options):
        for proxy in self.proxies.values():
            proxy.clear()  # else processes that end could wait for an answer
        super().stop(**options)
        self.stack.close()
        self.proxies = {}

    def _is_used(self, name, port):
        """Whether another process of the system is a client of this one."""
        process = name.split(".")[0]
        if process.startswith("postgres"):
            return self.with_databases
        is_service = process not in self.tree.processes()
        return is_service or (self.tree.serves(process) and port != self.port)

    def _put_proxy(self, name, port):
        behind = self.held.free() if name == "kafka" else port
        proxy = self.stack.enter_context(Proxy(HOST, behind, self.held.free()))
        if name == "kafka":
            add_listener(self.state / "kafka" / "server.properties", behind, proxy.port)
        self.proxies[name] = proxy
        self.addresses[f"{HOST}:{port}"] = f"{HOST}:{proxy.port}"

    def _through_proxies(self, text):
        for server, proxy in self.addresses.items():
            text = text.replace(server, proxy)
        return text


class ProxiedDatabases(Proxied):
    """The same, with proxies in front of the databases too."""

    with_databases = True


def add_listener(path, port, advertised):
    """Have a broker listen on one more port, and give the advertised port to the clients there.

    A client asks a broker for its address, and goes there: with one listener for all, past the
    proxy."""
    properties = dict(line.split("=", 1) for line in path.read_text().splitlines())
    properties["listeners"] += f",PROXIED://{HOST}:{port}"
    properties["advertised.listeners"] += f",PROXIED://{HOST}:{advertised}"
    properties["listener.security.protocol.map"] += ",PROXIED:PLAINTEXT"
    path.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))


@contextmanager
def disturbed(system, name, toxic, directions=(), **options):
    """A toxic on all that goes to the instances of a process or service, and comes from there."""
    proxies = [
        proxy for each, proxy in system.proxies.items() if name in (each, each.split(".")[0])
    ]
    try:
        for proxy in proxies:
            proxy.set(toxic, *directions, **options)
        yield
    finally:
        for proxy in proxies:
            proxy.clear()

"""The proxies of a system, in a process of their own: what the lab does meanwhile delays nothing
that passes.

As a program, `python -m tools.lab.experiment.proxies` reads commands from standard input, each a
line of JSON: the port of a proxy, a method of Proxy, its arguments. It prints an answer for each,
(result, error). It ends with its input, and so with the program that started it."""

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from functools import partialmethod
from threading import Lock

from tools.lab.experiment.proxy import Proxy
from tools.lab.ground.failed import Failed
from tools.lab.ground.tree import HERE


class Proxies:
    """As a context manager, the process; add() makes proxies in it."""

    def __enter__(self):
        self.lock = Lock()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tools.lab.experiment.proxies"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(HERE.path)},
            start_new_session=True,
        )
        return self

    def __exit__(self, *error):
        with self.process:
            self.process.stdin.close()

    def add(self, *arguments):
        """A proxy with the arguments of Proxy; Failed if it cannot listen."""
        return Remote(self, self.ask(None, "add", *arguments))

    def ask(self, port, method, *arguments, **options):
        with self.lock:
            command = json.dumps([port, method, arguments, options])
            print(command, file=self.process.stdin, flush=True)
            result, error = json.loads(self.process.stdout.readline())
        if error:
            raise Failed(f"fault proxy: {error}")
        return result


class Remote:
    """A Proxy in the process of the proxies; it listens on port."""

    def __init__(self, proxies, port):
        self.proxies = proxies
        self.port = port

    def _ask(self, method, *arguments, **options):
        return self.proxies.ask(self.port, method, *arguments, **options)

    set = partialmethod(_ask, "set")
    clear = partialmethod(_ask, "clear")
    waiting = partialmethod(_ask, "waiting")


def main():
    proxies = {}
    with ExitStack() as stack:

        def add(*arguments):
            proxy = stack.enter_context(Proxy(*arguments))
            proxies[proxy.port] = proxy
            return proxy.port

        for line in sys.stdin:
            port, method, arguments, options = json.loads(line)
            do = add if method == "add" else getattr(proxies[port], method)
            try:
                answer = do(*arguments, **options), None
            except (OSError, ValueError) as error:
                answer = None, str(error)
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()

"""The lab in a browser: a page that shows a running system, and what can be done with it.

As a program, `python -m tools.lab.page.server STATE TREE` serves the page of the system that runs
on a state, from a step's tree. It listens on the loopback address, prints its own address, which
only the one who started it should know, and ends with its standard input."""

import asyncio
import os
import secrets
import socket
import sys
import threading
from pathlib import Path

from aiohttp import web

from tools.lab.experiment.attached import Attached
from tools.lab.ground.tree import Tree
from tools.lab.page.guard import add_headers, guard
from tools.lab.page.handlers import Handlers
from tools.lab.page.plan import Plan
from tools.lab.page.processes import noted
from tools.lab.page.visitors import Visitors
from tools.lab.page.watch import Watch

LARGEST = 4096  # bytes of a body


def application(handlers, host, token):
    """The page at this host and port, below a token."""
    app = web.Application(middlewares=[guard(host, token)], client_max_size=LARGEST)
    app.on_response_prepare.append(add_headers)
    app.router.add_routes(handlers.routes())
    return app


async def serve(handlers, listening, token):
    """Serve until the program ends."""
    host = f"127.0.0.1:{listening.getsockname()[1]}"
    runner = web.AppRunner(application(handlers, host, token), access_log=None)
    await runner.setup()
    await web.SockSite(runner, listening).start()
    print(f"http://{host}/{token}/", flush=True)
    await asyncio.Event().wait()


def end_with_input():
    """End at once when the lab has ended, however that came about: then nothing is left to be
    served, and visitors end by themselves."""
    sys.stdin.buffer.read()
    os._exit(0)


def main(state, path):
    here, tree = noted(Path(state)), Tree(Path(path))
    threading.Thread(target=end_with_input, daemon=True).start()
    watch = Watch(Path(state), Plan(tree), here)
    visitors = Visitors(Attached(tree, here["run"]))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        handlers = Handlers(watch, visitors, here)
        asyncio.run(serve(handlers, listening, secrets.token_urlsafe(16)))


if __name__ == "__main__":
    main(*sys.argv[1:])

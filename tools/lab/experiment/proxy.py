"""A TCP proxy between two processes that can disturb what passes, in the words of Toxiproxy.

A toxic acts on connections that are open already, too. Ending it lets go on what has waited."""

import asyncio
import socket
import threading
from concurrent.futures import Future

from tools.lab.experiment.connection import DOWNSTREAM, TOXICS, UPSTREAM, End

PATIENCE = 10.0  # seconds, for the thread of a proxy


class Proxy:
    """As a context manager, a proxy for the server at host and port; it listens on a port of its
    own, a free one unless it is given."""

    def __init__(self, host, server_port, port=0):
        self.server = host, server_port
        self.port = port
        self.toxics = {UPSTREAM: {}, DOWNSTREAM: {}}
        self.ends = set()
        self.listener = None
        self.started = Future()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self):
        self.thread.start()
        self.started.result(PATIENCE)
        return self

    def __exit__(self, *error):
        self.loop.call_soon_threadsafe(self.stopped.set)
        self.thread.join(PATIENCE)

    def set(self, toxic, *directions, **options):
        """Begin a toxic in these directions; in both if none is given."""
        if unknown := ({toxic} - TOXICS.keys()) or (options.keys() - TOXICS[toxic].keys()):
            raise ValueError(f"there is no {', '.join(unknown)}")
        begun = {toxic: {**TOXICS[toxic], **options}}
        now = dict.fromkeys(directions or (UPSTREAM, DOWNSTREAM), begun)
        self._call({name: {**old, **now.get(name, {})} for name, old in self.toxics.items()})

    def clear(self):
        """End all toxics: what has waited goes on, and new connections are accepted."""
        self._call({UPSTREAM: {}, DOWNSTREAM: {}})

    def _call(self, toxics):
        asyncio.run_coroutine_threadsafe(self._change(toxics), self.loop).result(PATIENCE)

    async def _run(self):
        self.loop = asyncio.get_running_loop()
        self.stopped = asyncio.Event()
        try:
            await self._listen()
        except OSError as error:
            self.started.set_exception(error)
            return
        self.started.set_result(None)
        await self.stopped.wait()
        await self._change({UPSTREAM: {"down": {}}, DOWNSTREAM: {}})
        await asyncio.sleep(0)  # until the connections are closed

    async def _listen(self):
        listening = socket.create_server(("127.0.0.1", self.port), backlog=1000)
        self.port = listening.getsockname()[1]
        self.listener = await self.loop.create_server(lambda: End(self, UPSTREAM), sock=listening)

    async def _refuse(self):
        listener, self.listener = self.listener, None
        for listening in listener.sockets:
            self.loop.remove_reader(listening)
        await asyncio.sleep(0)  # a closed server never closes what it has accepted just before
        listener.close()

    async def _change(self, toxics):
        self.toxics = toxics
        begun = {*toxics[UPSTREAM], *toxics[DOWNSTREAM]}
        if "down" in begun and self.listener:
            await self._refuse()
        elif "down" not in begun and not self.listener:
            await self._listen()
        for end in list(self.ends):
            if begun & {"down", "reset"}:
                end.leave(reset="reset" in begun)
            end.passed = 0
            end.changed.set()

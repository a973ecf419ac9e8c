"""A connection through a proxy: its two ends, and what the proxy's toxics do to what passes."""

import asyncio
import random
import socket
import struct
from collections import deque
from contextlib import suppress
from math import inf

UPSTREAM, DOWNSTREAM = "upstream", "downstream"  # from the client to the server, and back
# each toxic with its options; times are milliseconds
TOXICS = {
    "latency": {"latency": 0, "jitter": 0},  # everything comes so much later, give or take jitter
    "bandwidth": {"rate": 1},  # KB a second
    "hang": {},  # nothing passes until the toxic ends; then all that has waited does
    "slice": {"size": 1, "delay": 0},  # pieces of so many bytes, and a pause after each
    "limit": {"bytes": 0},  # a connection is closed after so many bytes
    "reset": {},  # both ends of each connection get a RST, new ones at once
    "down": {},  # open connections are closed, new ones are refused
}
MOST_WAITING = 65_536  # bytes in one direction of a connection; then it reads no more
STEP = 0.02  # seconds of bandwidth that are sent at once
RESET_AT_CLOSE = struct.pack("ii", 1, 0)


class End(asyncio.Protocol):
    """One end of a connection. What it receives passes in one direction, to its peer; while there
    is no toxic, at once."""

    def __init__(self, proxy, direction, peer=None):
        self.proxy = proxy
        self.direction = direction
        self.peer = peer
        self.changed = asyncio.Event()
        self.waiting = deque()  # of (when it came, its share of the jitter, bytes or None: the end)
        self.size = 0  # bytes that wait
        self.passed = 0  # bytes since the toxics changed
        self.next_at = 0.0
        self.task = None
        self.has_ended = False  # the end has come
        self.is_over = False  # it has passed
        self.is_full = False  # nobody reads what was written to it

    # Called by asyncio

    def connection_made(self, transport):
        self.transport = transport
        # asyncio forgets it for what create_server() accepts: a second small write then waits 40 ms
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.proxy.ends.add(self)
        if self.peer:
            self.peer.peer = self
        else:
            transport.pause_reading()
            self.task = self.proxy.loop.create_task(self._connect())
        begun = self.proxy.toxics[self.direction].keys()
        if begun & {"reset", "down"}:
            self.leave(reset="reset" in begun)

    def data_received(self, data):
        if self.task or self.proxy.toxics[self.direction]:
            self._wait(data)
        else:
            self.peer.transport.write(data)

    def eof_received(self):
        self.has_ended = True
        self._wait(None)
        return True  # the other direction goes on

    def pause_writing(self):
        self.is_full = True
        self.peer.read_or_not()

    def resume_writing(self):
        self.is_full = False
        self.peer.read_or_not()
        self.peer.changed.set()

    def connection_lost(self, error):
        self.proxy.ends.discard(self)
        if self.peer and not self.peer.transport.is_closing():
            self.peer.leave(reset=bool(error))

    # What passes

    async def _connect(self):
        try:
            await self.proxy.loop.create_connection(
                lambda: End(self.proxy, DOWNSTREAM, self), *self.proxy.server
            )
        except OSError:
            self.leave(reset=True)  # it is too late to refuse it
        else:
            # an older Python reads before this, although connection_made has paused it
            self.task = self.proxy.loop.create_task(self._pass_on()) if self.waiting else None
            self.read_or_not()

    def _wait(self, data):
        self.waiting.append((self.proxy.loop.time(), random.uniform(-1, 1), data))
        self.size += len(data or b"")
        self.read_or_not()
        self.task = self.task or self.proxy.loop.create_task(self._pass_on())

    def read_or_not(self):
        """Read only while little waits, here and in the buffer of the peer."""
        if self.has_ended:
            return
        if not self.peer or self.size > MOST_WAITING or self.peer.is_full:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    async def _pass_on(self):
        while self.waiting:
            self.changed.clear()
            seconds = self._due() - self.proxy.loop.time()
            if seconds <= 0:
                self._send()
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(None if seconds == inf else seconds):
                    await self.changed.wait()
        self.task = None

    def _due(self):
        """When the first that waits may pass, as the toxics are now."""
        toxics = self.proxy.toxics[self.direction]
        if "hang" in toxics or self.peer.is_full:
            return inf
        came_at, share, _ = self.waiting[0]
        late = toxics.get("latency", TOXICS["latency"])
        due = came_at + (late["latency"] + share * late["jitter"]) / 1000
        return max(due, self.next_at) if toxics.keys() & {"slice", "bandwidth"} else due

    def _send(self):
        came_at, share, data = self.waiting.popleft()
        if data is None:
            self.peer.transport.write_eof()
            self.is_over = True
            if self.peer.is_over:
                self._close()
            return
        toxics = self.proxy.toxics[self.direction]
        piece, rest = self._cut(memoryview(data), toxics)
        if rest:
            self.waiting.appendleft((came_at, share, rest))
        self.size -= len(piece)
        self.passed += len(piece)
        self.peer.transport.write(piece)
        self.read_or_not()
        if "limit" in toxics and self.passed >= toxics["limit"]["bytes"]:
            self.waiting.clear()
            self._close()

    def _cut(self, data, toxics):
        """The piece of data that passes at once, and the rest; what follows has to wait."""
        most, pause = len(data), 0.0
        if "limit" in toxics:
            most = min(most, toxics["limit"]["bytes"] - self.passed)
        if "slice" in toxics:
            most = min(most, toxics["slice"]["size"])
            pause = toxics["slice"]["delay"] / 1000
        if "bandwidth" in toxics:
            rate = 1000 * toxics["bandwidth"]["rate"]
            most = min(most, max(1, int(rate * STEP)))
            pause = max(pause, most / rate)
        self.next_at = self.proxy.loop.time() + pause
        return data[:most], data[most:]

    def _close(self):
        """End the connection after what was written to both ends has been sent."""
        for end in (self, self.peer):
            end.transport.close()

    def leave(self, *, reset):
        """End the connection at once."""
        for end in filter(None, (self, self.peer)):
            if end.task:
                end.task.cancel()
            if end not in self.proxy.ends:
                continue
            if reset:
                about = (socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
                end.transport.get_extra_info("socket").setsockopt(*about)
            end.transport.abort()

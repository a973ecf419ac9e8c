"""What the page asks for: its files, the stream of snapshots, traces and logs; and what it does."""

import asyncio
import io
import json
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from aiohttp import web
from rich.console import Console

from tools.lab.ground.failed import Failed
from tools.lab.ground.http import as_object
from tools.lab.page import faults, processes
from tools.lab.page.guard import problem
from tools.lab.system.lines import readable

STATIC = Path(__file__).parent / "static"
EVERY = 0.25  # seconds between two snapshots
SIGNALS = {"kill": signal.SIGKILL, "halt": signal.SIGSTOP, "resume": signal.SIGCONT}
LINES = 12
BYTES = 16_384  # of the end of a log


class Handlers:
    """Answers for the system that watch looks at."""

    def __init__(self, watch, visitors, noted):
        self.watch = watch
        self.visitors = visitors
        self.settings = noted["run"]
        self.knobs = faults.addresses(noted)
        self.watching = 0
        self.threads = ThreadPoolExecutor(16)  # stopping a process may take long

    def routes(self):
        at = "/{token}"
        return [
            web.get(f"{at}/", self.page),
            web.get(f"{at}/stream", self.stream),
            web.get(f"{at}/bookings/{{id:[0-9a-f]{{8,64}}}}", self.trace),
            web.get(f"{at}/logs/{{name}}", self.log),
            web.post(f"{at}/do", self.do),
            web.post(f"{at}/visitors", self.let_in),
            *(web.get(f"{at}/{path.name}", self.file) for path in STATIC.iterdir()),
        ]

    async def page(self, request):
        return web.FileResponse(STATIC / "page.html")

    async def file(self, request):
        return web.FileResponse(STATIC / request.path.rpartition("/")[2])

    async def stream(self, request):
        """The plan, then snapshots, until the browser goes away."""
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(request)
        self.watching += 1
        self.watch.watched.set()
        try:
            await send(answer, "plan", self.watch.plan.as_shown(self.settings))
            while True:
                await send(answer, "snapshot", self.snapshot())
                await asyncio.sleep(EVERY)
        except ConnectionError:
            return answer
        finally:
            self.watching -= 1
            if not self.watching:
                self.watch.watched.clear()

    def snapshot(self):
        return {**self.watch.snapshot(), "visitors": self.visitors.as_shown()}

    async def trace(self, request):
        return await self._in_thread(trace, self.settings, request.match_info["id"])

    async def log(self, request):
        return await self._in_thread(last_lines, self.watch.state, request.match_info["name"])

    async def do(self, request):
        wanted = await body_of(request)
        return await self._in_thread(self._do, wanted.get("verb"), wanted.get("name"), wanted)

    def _do(self, verb, name, wanted):
        if type(name) is not str:
            raise Failed("the name of a process is missing")
        if verb in ("stop", "start"):
            processes.ask(self.watch.state, verb, name)
        elif verb in SIGNALS:
            processes.ask(self.watch.state, "kill", name, SIGNALS[verb])
        elif verb == "turn":
            faults.set_knob(self.knobs, name, wanted.get("knob"))
        else:
            raise Failed(f"there is no verb {verb}")
        return {}

    async def let_in(self, request):
        wanted = await body_of(request)
        return await self._in_thread(self.visitors.let_in, wanted.get("rate"))

    async def _in_thread(self, function, *words):
        """What a function answers, as JSON; a refusal of its own is one line."""
        loop = asyncio.get_running_loop()
        try:
            return web.json_response(await loop.run_in_executor(self.threads, function, *words))
        except Failed as refused:
            return problem(400, str(refused))


async def body_of(request):
    """The JSON object that was sent; an empty one for anything else."""
    with suppress(RecursionError):  # a thousand brackets
        return as_object(await request.read())
    return {}


async def send(answer, event, value):
    await answer.write(f"event: {event}\ndata: {json.dumps(value)}\n\n".encode())


def trace(settings, booking):
    """What `./lab trace` prints about a booking."""
    from tools.lab.look import trace as tracing  # takes a while to import

    console = Console(file=io.StringIO(), record=True, width=150, highlight=False)
    tracing.show(console, settings, booking)
    return {"text": console.export_text()}


def last_lines(state, name):
    """The newest lines that a process has printed, as `./lab up` shows them."""
    paths = {path.name: path for path in (state / "logs").glob("*.log")}
    path = paths.get(f"{name}.log")
    if path is None:
        raise Failed(f"there is no log of {name}")
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - BYTES))
        lines = file.read().decode(errors="replace").splitlines()
    shown = [readable(name, line) for line in lines[1:]]
    texts = [f"{line.moment} {line.text(100)}".strip() for line in shown if line]
    return {"lines": texts[-LINES:]}

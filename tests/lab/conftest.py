"""Toy steps for the lab to run: a Procfile of tiny programs, with nothing of Encore in them."""

import fcntl
import json
import os
import pty
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import termios
import urllib.request

import pytest

from tools.lab.ground.tree import HERE
from tools.lab.ground.waiting import eventually

# settings with which Python looks for compiled modules elsewhere, or writes none
KEEP_NO_CODE = ("PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE")
WEB = """
import os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(str(os.getpid()).encode())
    def log_message(self, *words):
        print(*words, flush=True)
HTTPServer((os.environ.get("HOST", "127.0.0.1"), int(os.environ["PORT"])), Handler).serve_forever()
"""


def pytest_addoption(parser):
    help = "kill the lab at every stage of every road; otherwise at one stage of the newest"
    parser.addoption("--every-stage", action="store_true", help=help)


class Lab:
    """`./lab` on a toy checkout, as a person would use it in a terminal."""

    def __init__(self, path):
        self.path = path
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.endswith("_URL") and name not in KEEP_NO_CODE
        }
        self.environment |= {"PYTHONPATH": str(path), "PYTHONUNBUFFERED": "1"}

    def __call__(self, *words, **options):
        return subprocess.run(
            self._command(words),
            capture_output=True,
            text=True,
            timeout=60,
            **self._options(options),
        )

    def up(self, *words):
        self.begin_up(*words)
        eventually(lambda: "Ready after" in self.printed.read_text(), within=30)
        return self.process

    def begin_up(self, *words):
        self.printed = self.path / "printed"
        with self.printed.open("w") as printed:
            options = self._options(
                {"stdout": printed, "stderr": subprocess.STDOUT, "start_new_session": True}
            )
            self.process = subprocess.Popen(self._command(["up", *words]), **options)

    def up_in_terminal(self, pipe=""):
        """What runs in a terminal of its own, as a shell would run it there; with | tee file
        behind it, or the like."""
        command = f"{shlex.join(self._command(['up']))} {pipe}"
        self.process = Terminal(["sh", "-c", command], **self._options({}))
        eventually(self.is_up, within=30)
        return self.process

    def is_up(self):
        try:
            return self.get("/")
        except (OSError, TypeError):
            return ""

    def _command(self, words):
        return [sys.executable, "-m", "tools.lab", *words]

    def _options(self, options):
        return {"cwd": self.path, **options, "env": self.environment | options.get("env", {})}

    def state(self):
        """What the running lab wrote about itself, or None if nothing runs."""
        try:
            return json.loads((self.path / ".lab/state/00-monolith/running.json").read_text())
        except (FileNotFoundError, ValueError):
            return None

    def get(self, path):
        with urllib.request.urlopen(self.state()["run"]["BASE_URL"] + path, timeout=5) as answer:
            return answer.read().decode()

    def children(self):
        return {name: pid for name, (pid, *_) in self.state()["children"].items()}


class Terminal(subprocess.Popen):
    """A terminal of 80 columns, with a command in its foreground; nobody reads unless asked to."""

    def __init__(self, command, **options):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        script = "import os, fcntl, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)"
        script += "; os.execvp(sys.argv[1], sys.argv[1:])"
        command = [sys.executable, "-c", script, *command]
        ends = dict.fromkeys(("stdin", "stdout", "stderr"), slave)
        super().__init__(command, start_new_session=True, **ends, **options)
        os.close(slave)

    def press(self, key):
        os.write(self.master, key)

    def read(self, what):
        """All that is printed until something is."""
        printed = b""
        while what not in printed:
            printed += os.read(self.master, 65_536)
        return printed.decode()

    def close(self):
        if self.master is not None:
            os.close(self.master)
        self.master = None


@pytest.fixture(scope="session", autouse=True)
def hang_up():
    """Programs that are started here end with their terminal, even if pytest runs under nohup: a
    signal that is ignored stays so in a new program, one with a handler does not."""
    if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda number, frame: None)


@pytest.fixture(scope="session")
def tools(tmp_path_factory):
    """A copy of the lab's own code with its compiled modules, so that no checkout compiles them."""
    copy = tmp_path_factory.mktemp("lab") / "tools"
    shutil.copytree(HERE.path / "tools", copy, ignore=shutil.ignore_patterns("__pycache__"))
    environment = {name: os.environ[name] for name in os.environ if name not in KEEP_NO_CODE}
    command = [sys.executable, "-m", "compileall", "-q", str(copy)]
    subprocess.run(command, env=environment, check=True)
    return copy


@pytest.fixture
def make_lab(tmp_path, tools):
    """Make a toy checkout whose Procfile has these lines; the lab's own code is a copy of ours."""
    made = []

    def make_lab(*lines):
        path = tmp_path / f"checkout{len(made)}"
        path.mkdir()
        shutil.copytree(tools, path / "tools")
        (path / "web.py").write_text(WEB)
        (path / "Procfile").write_text("\n".join(lines or ["web: python web.py"]) + "\n")
        made.append(Lab(path))
        return made[-1]

    yield make_lab
    for lab in made:
        process = getattr(lab, "process", None)
        if process and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
        if isinstance(process, Terminal):
            process.close()

"""docs/tour.md, typed in a fresh clone: what it shows is what one sees."""

import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from tools.lab.ground.tree import HERE
from tools.lab.ground.waiting import eventually

TOUR = HERE.path / "docs" / "tour.md"
CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
TYPED = re.compile(r"^(one|two)\$ (.*)\n((?:(?!one\$|two\$).*\n)*)", re.MULTILINE)
ADDRESS = re.compile(r"The shop +(http://\S+)")
READY_WITHIN, SEEN_WITHIN, ENDS_WITHIN = 120.0, 40.0, 90.0  # seconds


def typed():
    """[(terminal, what is typed, what is shown then)] of the tour."""
    return [line for block in CONSOLE.findall(TOUR.read_text()) for line in TYPED.findall(block)]


def shows(output, expected):
    """Whether an output is as the tour shows it, in which ... stands for anything."""
    pattern = re.escape(expected.strip()).replace(r"\.\.\.", ".*?")
    lines = [line.rstrip() for line in output.splitlines()]
    return re.fullmatch(pattern, "\n".join(lines).strip(), re.DOTALL) is not None


class First:
    """The first terminal: `./lab up`, and Ctrl-C."""

    def __init__(self, clone, environment):
        self.options = {"cwd": clone, "env": environment, "start_new_session": True}
        self.printed = clone / ".lab" / "printed"
        self.process = None

    def type(self, line, expected):
        if line == "^C":
            self.end()
            return
        with self.printed.open("w") as printed:
            command = ["bash", "-c", f"exec {line}"]
            self.process = subprocess.Popen(command, stdout=printed, stderr=printed, **self.options)
        eventually(lambda: shows(self.printed.read_text(), expected), within=READY_WITHIN)

    def shop(self):
        return ADDRESS.search(self.printed.read_text())[1]

    def end(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(ENDS_WITHIN)
            self.process = None


class Second:
    """The second terminal: a shell that remembers variables. What only reads is typed again until
    it shows what is expected: some things take a moment."""

    def __init__(self, clone, environment):
        pipes = dict.fromkeys(("stdin", "stdout"), subprocess.PIPE)
        self.shell = subprocess.Popen(
            ["bash"], cwd=clone, env=environment, text=True, stderr=subprocess.STDOUT, **pipes
        )

    def type(self, line, expected):
        output = self.ask(line)
        if line.startswith(("get ", "./lab mail", "./lab topics", "./lab trace")):
            deadline = time.monotonic() + SEEN_WITHIN
            while not shows(output, expected) and time.monotonic() < deadline:
                output = self.ask(line)
        assert shows(output, expected), f"{line}\n{output}"

    def ask(self, line):
        self.shell.stdin.write(f"{line}\necho; echo '-- end'\n")
        self.shell.stdin.flush()
        return "".join(iter(self.shell.stdout.readline, "-- end\n"))

    def end(self):
        self.shell.stdin.close()
        self.shell.stdout.close()
        self.shell.wait(ENDS_WITHIN)


@pytest.fixture
def clone(tmp_path):
    """A fresh clone that has the packages of this checkout, so that none are fetched again."""
    path = tmp_path / "encore"
    subprocess.run(["git", "clone", "-q", str(HERE.path), str(path)], check=True)
    (path / ".lab").mkdir()
    for name in ("venv", *(found.name for found in HERE.home.glob(".lab/kafka-*"))):
        (path / ".lab" / name).symlink_to(HERE.home / ".lab" / name)
    return path


@pytest.fixture
def terminals(clone):
    kept = ("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "LANG")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    both = {each.__name__.lower(): each(clone, environment) for each in (First, Second)}
    yield {"one": both["first"], "two": both["second"]}
    for each in both.values():
        each.end()


@pytest.mark.within(480)
@pytest.mark.skipif(shutil.which("curl") is None, reason="the tour needs curl")
def test_the_tour_shows_what_one_sees_in_a_fresh_clone(terminals):
    steps = set()
    for terminal, line, expected in typed():
        terminals[terminal].type(line, expected)
        if line.startswith("./lab up"):
            steps.add(line.split()[2])
            terminals["two"].ask(f"shop={terminals['one'].shop()}")  # port 8000 may be taken

    assert len(steps) == 5

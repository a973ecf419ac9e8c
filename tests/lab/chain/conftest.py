"""Toy repositories with a chain of small steps; `./lab` runs on them in this process."""

import gc
import io
import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from types import SimpleNamespace
from unittest import mock

import pytest

from tools.lab.__main__ import lab as group
from tools.lab.ground.tree import HERE
from tools.lab.steps import jobs
from tools.lab.testing import plugin

STEPS = {
    "00-first": {
        "shop/core.py": "one\ntwo\nthree\nfour\nfive\nsix\n",
        "tests/shop/test_core.py": "def test_core():\n    pass\n",
        "Procfile": "web: true\n",
    },
    "01-second": {
        "shop/mail.py": "alpha\nbeta\ngamma\ndelta\n",
        "shop/core.py": "one\ntwo\nthree\nfour\nfive\nSIX\n",
    },
    "02-third": {
        "extracted/mail.py": "alpha\nbeta\ngamma\nDELTA\n",
        "shop/mail.py": None,
        "tests/shop/test_core.py": None,
    },
    "03-fourth": {"extracted/tail.py": "tail\n"},
}
LESSON = '''"""Step {number}: {word}. A toy."""

import pathlib


def test_it_is_there():
    assert pathlib.Path({path!r}).exists(), "no {word}"
'''
PYPROJECT = """\
[tool.pytest.ini_options]
addopts = "--import-mode=importlib -p tools.lab.testing.plugin"
[tool.ruff]
include = ["kit/late.py"]
"""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Toy:
    """A small repository, and `./lab` as a maintainer would use it there."""

    steps = STEPS

    def __init__(self, path, day=1):
        self.path = path
        self.day = day
        inherited = {name: value for name, value in os.environ.items() if name != "LESSON_OUT"}
        self.environment = {
            **inherited,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "PYTHONPATH": str(path),
        }
        for role in ("AUTHOR", "COMMITTER"):
            self.environment[f"GIT_{role}_NAME"] = "Toy"
            self.environment[f"GIT_{role}_EMAIL"] = "toy@encore.example"

    @contextmanager
    def here(self):
        """While this is open, the lab in this process takes the toy for its own checkout."""
        real, handlers = HERE.path, {each: signal.getsignal(each) for each in SIGNALS}
        object.__setattr__(HERE, "path", self.path)
        try:
            with mock.patch.dict(os.environ, self.environment, clear=True):
                yield
        finally:
            object.__setattr__(HERE, "path", real)
            for each, handler in handlers.items():
                signal.signal(each, handler)

    def lab(self, *words):
        """Run `./lab WORDS`; its exit code and what it prints."""
        out, err, code = io.StringIO(), io.StringIO(), 0
        with self.here(), redirect_stdout(out), redirect_stderr(err):
            try:
                group.main(list(words), prog_name="./lab")
            except SystemExit as ended:
                code = ended.code or 0
        return SimpleNamespace(returncode=code, stdout=out.getvalue(), stderr=err.getvalue())

    def git(self, *words, cwd=None):
        dates = {
            f"GIT_{role}_DATE": f"2020-01-{self.day:02}T12:00:00Z"
            for role in ("AUTHOR", "COMMITTER")
        }
        done = subprocess.run(
            ["git", *words],
            cwd=cwd or self.path,
            env=self.environment | dates,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def publish(self, *words, prove=False):
        done = self.lab("publish", *([] if prove else ["--no-prove"]), *words)
        assert done.returncode == 0, done.stderr
        return done.stderr

    def refused(self, *words):
        """What `./lab publish` says, in one line, when it refuses."""
        done = self.lab("publish", "--no-prove", *words)
        assert done.returncode == 2
        return " ".join(done.stderr.split())

    def write(self, files, at=None):
        for name, text in files.items():
            path = (at or self.path) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink() if text is None else path.write_text(text)

    def commit(self, message, files, at=None):
        self.write(files, at)
        self.git("add", "-A", cwd=at)
        self.git("commit", "-q", "-m", message, cwd=at)
        return self.git("rev-parse", "HEAD", cwd=at)

    def edit(self, step, files, message="Repair it"):
        assert self.lab("edit", step).returncode == 0
        at = next((self.path / ".lab" / "edit").glob(f"{step}-*"))
        return self.commit(message, files, at)

    def file(self, commit, path):
        """The text of a file in a commit, or None."""
        shown = subprocess.run(
            ["git", "show", f"{commit}:{path}"], cwd=self.path, capture_output=True, text=True
        )
        return shown.stdout if shown.returncode == 0 else None

    def diff(self, step):
        return self.git("diff", f"step-{step}~1", f"step-{step}")

    def tags(self):
        listed = self.git("for-each-ref", "--format=%(refname:short) %(objectname)", "refs/tags")
        return dict(line.split() for line in listed.splitlines())

    def lessons(self, slug):
        """A lesson, and the file that it looks for."""
        path = f"taught/{slug}"
        name = f"tests/steps/test_{slug.replace('-', '_')}.py"
        return {path: slug, name: LESSON.format(number=slug[:2], word=slug[3:], path=path)}

    def clone(self, path, *options):
        """A clone of this repository, without its tags."""
        clone = Toy(path)
        words = ["clone", "-q", "--no-tags", *options, f"file://{self.path}", str(path)]
        self.git(*words, cwd=self.path.parent)
        return clone


class Child:
    """A process that was forked, as a Popen is used."""

    def __init__(self, pid):
        self.pid = pid
        self.code = None

    def poll(self):
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.code = os.waitstatus_to_exitcode(status) if pid else None
        return self.code

    def wait(self):
        if self.code is None:
            self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.code

    def terminate(self):
        os.kill(self.pid, signal.SIGTERM)


def fork_pytest(job, ends, output):
    """Run a job's tests with pytest in a fork of this process, where everything is imported."""
    output.touch()  # the fork may be stopped before it opens it
    if pid := os.fork():
        return Child(pid)
    gc.freeze()  # garbage of the parent is not finalized here a second time
    code = 70
    try:
        os.environ.update(jobs.environment(job.tree), LESSON_OUT=str(ends))
        os.chdir(job.tree.path)
        sys.stdout = sys.stderr = output.open("w", buffering=1)
        for fd in (1, 2):
            os.dup2(sys.stdout.fileno(), fd)
        for name in [name for name in sys.modules if name.split(".")[0] == "tests"]:
            del sys.modules[name]
        plugin.ended.clear()
        code = int(pytest.main(["-q", *job.arguments]))
    finally:
        os._exit(code)


@pytest.fixture(scope="session")
def templates(tmp_path_factory):
    """The repositories of bare and toy, made once, to be copied."""
    folder = tmp_path_factory.mktemp("templates")
    bare = Toy(folder / "bare")
    bare.path.mkdir()
    bare.git("init", "-q", "-b", "main")
    files = {
        "pyproject.toml": PYPROJECT,
        ".gitignore": "/.lab/\n__pycache__/\n",
        "shop/core.py": "begun\n",
    }
    bare.commit("Begin, with tooling and code in one commit", files)
    toy = Toy(folder / "toy")
    shutil.copytree(bare.path, toy.path)
    for number, (slug, files) in enumerate(STEPS.items()):
        toy.day = 20 - number
        toy.commit(
            f"Teach {slug}\n\nIt says Step: 99-quoted in passing,\nStep: 98-quoted\non a line of "
            f"its own too.\n\nStep: {slug}",
            {**files, **toy.lessons(slug)},
        )
        toy.commit("Tool of the day", {f"docs/day-{number}.md": "said\n"})
    return folder


@pytest.fixture
def make_toy(templates, tmp_path, monkeypatch):
    """Copy a template; its tests run in forks of this process."""

    def make_toy(name):
        monkeypatch.setattr(jobs, "start", fork_pytest)
        shutil.copytree(templates / name, tmp_path / "toy")
        toy = Toy(tmp_path / "toy", day=17)
        toy.git("update-index", "-q", "--refresh")
        return toy

    return make_toy


@pytest.fixture
def bare(make_toy):
    """Tooling and an ordinary history, without any step."""
    return make_toy("bare")


@pytest.fixture
def toy(make_toy):
    """Four steps on main, not published yet; each day's commit has a date before the one that it
    follows."""
    return make_toy("toy")


@pytest.fixture
def lab_of_its_own(bare, monkeypatch):
    """A toy with a copy of the lab, which runs as a process."""
    monkeypatch.undo()
    tools = {
        str(file.relative_to(HERE.path)): file.read_text()
        for file in (HERE.path / "tools" / "lab").rglob("*.py")
    }
    bare.commit("Add the lab", tools)
    return bare

"""The file `lab`: it sets up the packages of tools/lab, once, and leaves them alone while they are
in use. Here they are none, and tools.lab is a program of one line."""

import hashlib
import importlib.machinery
import importlib.util
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys

import pytest

from tools.lab.ground.tree import HERE
from tools.lab.ground.waiting import eventually

SAY = "import os, sys; print(sys.prefix, sys.flags.utf8_mode, flush=True); sys.stdin.read()"


class Checkout:
    def __init__(self, path):
        self.path = path
        self.venv = path / ".lab" / "venv"
        (path / "tools" / "lab").mkdir(parents=True)
        (path / "tools" / "lab" / "__main__.py").write_text(SAY)
        (path / "requirements").mkdir()
        for name in ("system", "lab"):
            (path / "requirements" / f"{name}.txt").write_text("# none\n")
        shutil.copy(HERE.path / "lab", path / "lab")

    def start(self, **more):
        """`./lab`, which ends when its standard input is closed."""
        return subprocess.Popen(
            [sys.executable, str(self.path / "lab")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env=os.environ | more,
        )

    def run(self, **more):
        with self.start(**more) as process:
            out, err = process.communicate(timeout=60)
        return process.returncode, out, err


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "with a space, é").mkdir()
    return Checkout(tmp_path / "with a space, é")


def test_the_first_start_makes_the_environment_and_the_second_uses_it(checkout):
    code, out, err = checkout.run(PIP_USER="1", PIP_TARGET="/nowhere", PYTHONHOME=sys.base_prefix)
    again = checkout.run(PYTHONWARNINGS="error", PYTHONUTF8="0")

    assert (code, out) == (0, f"{checkout.venv} 1\n"), err
    assert "Setting up, once" in err
    assert again == (0, f"{checkout.venv} 1\n", "")


def test_another_python_uses_the_environment_and_never_clears_it(checkout):
    checkout.run()
    (checkout.venv / "marker").touch()
    text = b"".join(
        (checkout.path / "requirements" / f"{name}.txt").read_bytes() for name in ("system", "lab")
    )
    made_by = ["3.99 of another machine", os.path.realpath(checkout.venv / "bin" / "python")]
    (checkout.venv / "made-by.json").write_text(json.dumps(made_by))
    stamp = hashlib.sha256(made_by[0].encode() + text).hexdigest()
    (checkout.venv / "requirements.sha256").write_text(stamp)

    code, _, err = checkout.run()

    assert (code, err) == (0, "")
    assert (checkout.venv / "marker").exists()


def test_an_environment_whose_python_is_gone_is_made_anew(checkout):
    checkout.run()
    python = checkout.venv / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python")

    code, _, err = checkout.run()

    assert code == 0
    assert "Setting up, once" in err


def test_packages_behind_a_link_are_not_replaced(checkout, tmp_path):
    checkout.run()
    (checkout.venv / "marker").touch()
    checkout.venv.rename(tmp_path / "of another checkout")
    checkout.venv.symlink_to(tmp_path / "of another checkout")
    (checkout.path / "requirements" / "lab.txt").write_text("# none, in other words\n")

    code, _, err = checkout.run()

    assert code == 1
    assert re.fullmatch(r"lab: .*/venv is a link, .*; remove the link, then try again\n", err)
    assert (checkout.venv / "marker").exists()


def test_packages_that_are_in_use_are_not_replaced(checkout):
    checkout.run()
    (checkout.venv / "marker").touch()
    with checkout.start() as first:
        first.stdout.readline()
        (checkout.path / "requirements" / "lab.txt").write_text("# none, in other words\n")

        code, _, err = checkout.run()

        assert (code, (checkout.venv / "marker").exists()) == (1, True)
        assert re.fullmatch(r"lab: the pinned packages have changed, .*; stop it, .*\n", err)
        first.communicate(timeout=30)
    assert checkout.run()[0] == 0
    assert not (checkout.venv / "marker").exists()


def test_ctrl_c_in_the_set_up_is_one_line_and_the_next_start_repairs_it(checkout):
    with checkout.start() as process:
        said = process.stderr.readline()
        eventually(checkout.venv.exists)
        os.killpg(process.pid, signal.SIGINT)
        err = process.communicate(timeout=30)[1]

    assert said.startswith("Setting up, once")
    assert (process.returncode, err) == (130, "lab: interrupted\n")
    assert checkout.run()[:2] == (0, f"{checkout.venv} 1\n")


def test_a_clone_whose_git_changes_line_ends_gets_ours(tmp_path):
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    origin.mkdir()
    for name in ("lab", ".gitattributes"):
        shutil.copy(HERE.path / name, origin / name)
    as_ours = ["git", "-c", "user.name=Toy", "-c", "user.email=toy@encore.example"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "Begin"]):
        subprocess.run([*as_ours, "-C", str(origin), *words], check=True)

    subprocess.run(
        ["git", "clone", "-q", "-c", "core.autocrlf=true", str(origin), str(clone)], check=True
    )

    assert (clone / "lab").read_bytes() == (HERE.path / "lab").read_bytes()


def test_a_folder_with_a_colon_is_refused_in_one_line(tmp_path):
    (tmp_path / "a:b").mkdir()

    code, _, err = Checkout(tmp_path / "a:b").run()

    assert code == 1
    assert err.startswith("lab: Python cannot work in a folder with a colon in its path; move ")
    assert not (tmp_path / "a:b" / ".lab").exists()


def test_a_certificate_that_pip_does_not_trust_is_said_with_the_variable_to_set(launcher, capfd):
    command = ["sh", "-c", "echo 'SSLError: CERTIFICATE_VERIFY_FAILED'; exit 1"]

    with pytest.raises(SystemExit, match="name its file in PIP_CERT"):
        launcher.run(command, "installing packages")


@pytest.fixture
def launcher():
    loader = importlib.machinery.SourceFileLoader("launcher", str(HERE.path / "lab"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("launcher", loader))
    loader.exec_module(module)
    return module


def test_progress_stays_on_one_line_of_the_terminal(launcher):
    long = "Collecting " + "x" * 200
    program = (
        "import sys; sys.dont_write_bytecode = True; from importlib.machinery import *;"
        "lab = SourceFileLoader('lab', sys.argv[1]).load_module();"
        "lab.run(['sh', '-c', f'for each in 1 2 3; do echo {sys.argv[2]}; done'], 'installing')"
    )
    terminal, end = pty.openpty()
    with os.fdopen(terminal, "rb", buffering=0) as printed:
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", program, str(HERE.path / "lab"), long],
            stderr=end,
            env=os.environ | {"COLUMNS": "80"},
            check=True,
        )
        os.close(end)
        lines = printed.read(100_000).decode().split("\r")

    shown = [line.removeprefix("\x1b[K") for line in lines]
    assert max(map(len, shown)) < 80
    assert "".join(shown).count("\n") == 1

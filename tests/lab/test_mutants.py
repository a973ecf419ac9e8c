"""`./lab mutants` on a toy checkout, whose journeys read one file."""

import signal
import subprocess
import sys

import pytest

from tools.lab.ground.waiting import eventually
from tools.lab.steps import mutants

JOURNEY = """
from pathlib import Path

import pytest

def test_there_is_a_shop():
    assert Path("web.py").exists()

@pytest.mark.parametrize("path", ["/shop"])
def test_the_price_is_right(path):
    assert Path("price").read_text() == "100\\n"
"""
SLOW = """
import os
import signal
import time
from pathlib import Path

import pytest

@pytest.fixture
def server():
    yield
    Path(os.environ["LOG"]).write_text("stopped")

def test_that_takes_long(server):
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    Path(os.environ["LOG"]).write_text("started")
    time.sleep(60)
"""
DOUBLED = "--- a/price\n+++ b/price\n@@ -1 +1 @@\n-100\n+200\n"
UNNOTICED = "--- a/colour\n+++ b/colour\n@@ -1 +1 @@\n-red\n+blue\n"
MISFIT = "--- a/price\n+++ b/price\n@@ -1 +1 @@\n-7\n+8\n"


@pytest.fixture
def toy(make_lab):
    """A lab on a toy checkout with one mutant, doubled; write() adds more files."""
    lab = make_lab()

    def write(path, text):
        (lab.path / path).parent.mkdir(parents=True, exist_ok=True)
        (lab.path / path).write_text(text)

    lab.write = write
    for path, text in {
        "price": "100\n",
        "colour": "red\n",
        ".gitignore": ".lab/\n",
        "tests/journeys/test_toy.py": JOURNEY,
    }.items():
        write(path, text)
    write("tests/mutants/doubled.patch", DOUBLED)
    subprocess.run(["git", "init", "-q", "."], cwd=lab.path, check=True)
    return lab


def test_a_mutant_is_listed_with_its_test_and_the_checkout_stays(toy):
    ended = toy("mutants")

    assert ended.returncode == 0, ended.stderr
    assert "doubled" in ended.stdout
    assert "test_toy.py::test_the_price_is_right[/shop]" in ended.stdout.replace("\n", "")
    assert (toy.path / "price").read_text() == "100\n"
    assert not list((toy.path / ".lab" / "tmp").iterdir())


def test_a_mutant_that_no_test_finds_survives(toy):
    toy.write("tests/mutants/unnoticed.patch", UNNOTICED)

    ended, only_the_caught_one = toy("mutants"), toy("mutants", "doubled")

    assert (ended.returncode, ended.stdout.count("SURVIVED")) == (1, 1)
    assert only_the_caught_one.returncode == 0


def test_two_mutants_of_the_same_name_are_both_tried(toy):
    toy.write("tests/kit/test_toy.py", JOURNEY)
    toy.write("tests/mutants/kit/doubled.patch", DOUBLED)

    ended = toy("mutants")

    assert ended.returncode == 0, ended.stderr
    assert {"doubled", "kit/doubled"} <= set(ended.stdout.split())


def test_a_patch_that_does_not_apply_is_an_error(toy):
    toy.write("tests/mutants/misfit.patch", MISFIT)

    ended = toy("mutants", "misfit")

    assert ended.returncode == 1
    assert "misfit does not apply" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_journeys_that_fail_without_a_mutant_are_an_error(toy):
    toy.write("price", "300\n")

    ended = toy("mutants")

    assert ended.returncode == 1
    assert "nothing can be said of the mutants" in ended.stderr
    assert "AssertionError" in ended.stderr
    assert "doubled" not in ended.stdout


def test_ctrl_c_lets_the_tests_stop_what_they_have_started(toy, tmp_path):
    log = tmp_path / "log"
    toy.write("tests/journeys/test_toy.py", SLOW)
    command = [sys.executable, "-m", "tools.lab", "mutants"]
    environment = {**toy.environment, "LOG": str(log)}
    with subprocess.Popen(
        command, cwd=toy.path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        eventually(lambda: log.exists() and log.read_text() == "started", within=30)

        process.send_signal(signal.SIGINT)

        assert process.communicate(timeout=30)[1].endswith(b"lab: interrupted\n")
    assert log.read_text() == "stopped"


@pytest.mark.parametrize(
    ("patch", "tests"),
    [
        ("doubled.patch", "tests/journeys"),
        ("kit/no-inbox.patch", "tests/kit"),
        ("notifications/twice.patch", "tests/extracted/notifications"),
    ],
)
def test_the_folder_of_a_mutant_names_the_tests_that_must_find_it(patch, tests):
    assert mutants.tests_of(mutants.FOLDER / patch) == tests


def test_an_unknown_mutant_is_refused_with_a_list_of_all(toy):
    ended = toy("mutants", "nonsense")

    assert ended.returncode == 2
    assert ended.stderr.strip() == "lab: there is no mutant nonsense; there are: doubled"

"""`./lab mutants` on a toy checkout, whose journeys read one file."""

import subprocess

import pytest

from tools.lab.steps import mutants

JOURNEY = """
from pathlib import Path

def test_there_is_a_shop():
    assert Path("web.py").exists()

def test_the_price_is_right():
    assert Path("price").read_text() == "100\\n"
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


def test_a_fault_is_listed_with_the_journey_that_catches_it_and_nothing_here_is_changed(toy):
    said = toy("mutants")

    assert said.returncode == 0, said.stderr
    assert "doubled" in said.stdout
    assert "test_toy.py::test_the_price_is_right" in said.stdout.replace("\n", "")
    assert (toy.path / "price").read_text() == "100\n"
    assert not list((toy.path / ".lab" / "tmp").iterdir())


def test_a_fault_that_no_journey_notices_is_said_to_survive(toy):
    toy.write("tests/mutants/unnoticed.patch", UNNOTICED)

    said, only_the_caught_one = toy("mutants"), toy("mutants", "doubled")

    assert (said.returncode, said.stdout.count("SURVIVED")) == (1, 1)
    assert only_the_caught_one.returncode == 0


def test_a_fault_that_does_not_fit_the_code_is_no_success(toy):
    toy.write("tests/mutants/misfit.patch", MISFIT)

    said = toy("mutants", "misfit")

    assert said.returncode == 1
    assert "misfit does not apply" in said.stderr
    assert "Traceback" not in said.stderr


def test_of_journeys_that_fail_without_any_fault_nothing_is_concluded(toy):
    toy.write("price", "300\n")

    said = toy("mutants")

    assert said.returncode == 1
    assert "nothing can be said of the mutants" in said.stderr
    assert "doubled" not in said.stdout


@pytest.mark.parametrize(
    ("patch", "tests"),
    [
        ("doubled.patch", "tests/journeys"),
        ("kit/no-inbox.patch", "tests/kit"),
        ("notifications/twice.patch", "tests/extracted/notifications"),
    ],
)
def test_the_folder_of_a_fault_says_which_tests_must_notice_it(patch, tests):
    assert mutants.tests_of(mutants.FOLDER / patch) == tests


def test_an_unknown_fault_is_refused_with_those_that_there_are(toy):
    said = toy("mutants", "nonsense")

    assert said.returncode == 2
    assert said.stderr.strip() == "lab: there is no mutant nonsense; there are: doubled"

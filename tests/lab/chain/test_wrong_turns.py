"""Wrong turns of toy steps: how they are proved, listed, shown and run."""

import os

import pytest

from tools.lab.ground.failed import Failed
from tools.lab.steps import chain, proving, wrong_turns

NAME = "tests/steps/test_wrong_haste.py"
DAMAGED = "one\ntwo\nthree\nfour\nfive\nSEVEN\n"
TEST = '''"""Wrong turn haste: count on without a six. Step 01 repairs it."""

import pathlib


def test_it():
    found = pathlib.Path("shop/core.py").read_text().count("SEVEN")
    {}
'''
COUNTED = TEST.format('assert found == 1, f"{found} without a six"')


def add_turn(toy, test=COUNTED):
    """Commit a wrong turn beside the second step."""
    with toy.here():
        step = chain.read().steps[1]
    toy.git("checkout", "-q", "-b", "wrong/haste", step.commit)
    files = {"shop/core.py": DAMAGED, **({NAME: test} if test else {})}
    toy.commit("Hurry\n\nWrong: haste", files)
    toy.git("checkout", "-q", "main")


def prove(toy):
    turn = "haste", toy.git("rev-parse", "wrong/haste")
    with toy.here():
        proving.prove(*wrong_turns.pair(turn), print)


@pytest.fixture
def published(toy):
    """The four steps with a wrong turn."""
    toy.publish()
    add_turn(toy)
    toy.publish()
    return toy


def test_a_wrong_turn_is_proved_with_the_steps_and_only_once(published, monkeypatch):
    monkeypatch.setattr(proving, "find_browser", lambda: "chromium")

    said = published.publish(prove=True)
    published.commit("A typo", {"docs/day-1.md": "said better\n"})
    again = published.publish(prove=True)

    assert "proving wrong-haste" in said
    assert "red before: 0 without a six" in said
    assert "proving" not in again
    assert "wrong-haste" in published.lab("test", "--unlisted").stdout


@pytest.mark.parametrize(
    ("test", "why"),
    [
        (None, f"there is no {NAME}"),
        (TEST.format("assert found == 2"), "does not find the damage"),
        (TEST.format("assert found < 2"), "at 01-second .* must fail by an assertion"),
        (TEST.format("assert 1 // found"), "ZeroDivisionError"),
        (
            TEST.format("import pytest; assert found; pytest.skip('no')"),
            "is skipped at its own step",
        ),
    ],
    ids=["no test", "no damage", "damage at the step", "another error", "skip"],
)
def test_a_wrong_turn_whose_test_shows_no_damage_is_refused(toy, test, why):
    add_turn(toy, test)

    with pytest.raises(Failed, match=why):
        prove(toy)


def test_the_page_of_the_step_must_quote_the_count_without_the_mistake(toy):
    toy.commit("A page", {"docs/steps/01-second.md": "It says nothing.\n"})
    add_turn(toy)

    with pytest.raises(Failed, match="does not quote .*: 0 without a six"):
        prove(toy)


def test_a_wrong_turn_is_listed_below_its_step_and_shown(published, capfd):
    listed = published.lab("steps").stdout.splitlines()
    code, shown = published.lab("diff", "wrong-haste").returncode, capfd.readouterr().out
    unknown = published.lab("diff", "wrong-way")

    at = next(number for number, line in enumerate(listed) if "step-01-second" in line)
    assert listed[at + 2].strip() == "wrong-haste: count on without a six"
    assert code == 0
    assert "-SIX\n+SEVEN" in shown
    assert unknown.returncode == 2
    assert unknown.stderr == "lab: there is no wrong turn wrong-way; there are: wrong-haste\n"


def test_of_a_wrong_turn_the_test_that_counts_is_run(published, monkeypatch, tmp_path):
    run = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "execve", lambda path, words, environment: run.append(words))

    published.lab("test", "wrong-haste")

    assert [words[-2:] for words in run] == [["-rA", NAME]]

"""A shop moves under load and nothing is lost, doubled, oversold or charged twice: there, back and
there again, and after a kill of the lab in the middle of it. It walks the newest road: a walk of
all takes long, and the road of an earlier step does not change."""

import os
import re
import shutil
import signal
import subprocess
import sys

import pytest

from tools.lab.cli.migrate import FOLDER
from tools.lab.ground.tree import HERE
from tools.lab.ground.waiting import eventually
from tools.lab.steps import chain
from tools.lab.system.state import remove

NO_DAMAGE = "lost 0, doubled 0, oversold 0, charged twice 0"
STEPS = [step.slug for step in chain.read().steps]
OLD, NEW = STEPS[-2:] or ("", "")
MOVE = [OLD[:2], NEW[:2]]
CUT_OFF_AT = f"stop web of {OLD[:2]}"  # both steps run then


pytestmark = pytest.mark.skipif(not STEPS, reason="no steps are published here")


@pytest.fixture(scope="module")
def move(tmp_path_factory):
    """A function that calls ./lab migrate. The tests are one journey: each begins where the one
    before it has ended."""
    folder = FOLDER / "-".join(MOVE)
    printed = tmp_path_factory.mktemp("migrate") / "printed"
    begun = []

    def clear():
        remove(folder / "state")
        shutil.rmtree(folder, ignore_errors=True)

    def move(*options, until=None):
        """What it prints, and its exit code; with until, it is killed when it has printed that."""
        command = [sys.executable, "-m", "tools.lab", "migrate", *MOVE, *options, "--rate", "10"]
        with printed.open("w") as file:
            begun.append(subprocess.Popen(command, cwd=HERE.path, stdout=file, stderr=file))
        if until:
            eventually(lambda: until in printed.read_text(), within=300)
            begun[-1].kill()
        code = begun[-1].wait(300)
        return " ".join(printed.read_text().split()), code

    clear()
    yield move
    for process in begun:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
    clear()


def test_a_shop_moves_under_load_and_nothing_is_lost_or_doubled(move):
    printed, code = move()

    assert (NO_DAMAGE in printed, code) == (True, 0), printed
    assert f"It ended at step {NEW}." in printed
    assert re.search(r"Longest pause: a request waited for \d", printed)


def test_it_moves_back_by_the_same_road(move):
    printed, code = move("--back")

    assert (NO_DAMAGE in printed, code) == (True, 0), printed
    assert f"It ended at step {OLD}." in printed


@pytest.mark.parametrize(("way", "step"), [("--back", OLD), ("--resume", NEW)])
def test_a_move_whose_lab_was_killed_ends_whole(move, way, step):
    move("--resume", until=CUT_OFF_AT)

    printed, code = move(way)

    assert (NO_DAMAGE in printed, code) == (True, 0), printed
    assert f"It ended at step {step}." in printed


def test_what_cannot_be_done_is_one_line():
    ended = {
        words: subprocess.run(
            [sys.executable, "-m", "tools.lab", "migrate", *words],
            cwd=HERE.path,
            env={**os.environ, "COLUMNS": "200"},
            capture_output=True,
            text=True,
        )
        for words in (("07",), ("07", "06"), ("05", "06", "--back", "--resume"), ("00", "01"))
    }

    errors = [each.stderr.splitlines()[-1] for each in ended.values()]
    assert {each.returncode for each in ended.values()} == {2}
    assert [line.partition(";")[0].partition(",")[0] for line in errors] == [
        "lab: name two steps",
        "lab: a road leads to a later step",
        "lab: give one of --resume and --back",
        "lab: there is no road to step 01-journeys: it has no migrations/roads",
    ]

"""A shop moves under load and nothing is lost, doubled, oversold or charged twice: over all roads
there, back and there again, and over the newest one after a kill of the lab in the middle of it.

With `--every-stage` the lab is killed at every stage of every road, which takes about two hours."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib

import pytest

from tools.lab.cli.migrate import FOLDER
from tools.lab.ground.tree import HERE
from tools.lab.ground.waiting import eventually
from tools.lab.steps import chain
from tools.lab.system.state import remove

MOVED_WITHIN = 600  # seconds
NO_DAMAGE = "lost 0, doubled 0, oversold 0, charged twice 0"
STEPS = [step.slug for step in chain.read().steps]
FIRST = next((slug for slug in STEPS if slug.startswith("02-")), "")  # roads begin at the facade
NEW = STEPS[-1] if STEPS else ""

pytestmark = pytest.mark.skipif(not STEPS, reason="no steps are published here")


def pytest_generate_tests(metafunc):
    """Where the lab is killed: (first step, last step, title of a stage)."""
    if "killed_at" in metafunc.fixturenames:
        every = metafunc.config.getoption("--every-stage", default=False)
        points = [point for new in STEPS for point in stages(new)]
        if not every:  # both steps run then
            points = [point for point in points if point[1] == NEW and "stop web of" in point[2]]
            assert points or not STEPS, f"the road to {NEW} stops no web: say where to kill the lab"
        metafunc.parametrize("killed_at", points, ids=[f"{new[:2]}: {at}" for _, new, at in points])


def stages(slug):
    """The points at which a move to a step can be killed; none if no road leads there."""
    path = HERE.path / "migrations" / "roads" / f"{slug}.toml"
    road = tomllib.loads(path.read_text()) if path.exists() else {"stage": []}
    titles = [each["title"] for each in road["stage"]]
    return [(STEPS[STEPS.index(slug) - 1], slug, title) for title in titles]


@pytest.fixture(scope="module")
def over_all_roads(tmp_path_factory):
    """A function that calls ./lab migrate. The tests that use it are one journey: each begins where
    the one before it has ended."""
    yield from moving(FIRST, NEW, tmp_path_factory.mktemp("migrate") / "printed")


@pytest.fixture
def over_a_road(killed_at, tmp_path):
    yield from moving(*killed_at[:2], tmp_path / "printed")


def moving(first, last, file):
    first, last = first[:2], last[:2]
    folder = FOLDER / f"{first}-{last}"
    begun = []

    def clear():
        remove(folder / "state")
        shutil.rmtree(folder, ignore_errors=True)

    def move(*options, until=None):
        """What it prints, and its exit code; with until, it is killed when it has printed that."""
        signal.alarm(MOVED_WITHIN)  # instead of the bound of other tests
        words = ["migrate", first, last, *options, "--rate", "10"]
        with file.open("w") as printed:
            ends = {"stdout": printed, "stderr": printed}
            command = [sys.executable, "-m", "tools.lab", *words]
            begun.append(subprocess.Popen(command, cwd=HERE.path, **ends))
        if until:
            eventually(lambda: until in file.read_text(), within=300)
            begun[-1].kill()
        code = begun[-1].wait(MOVED_WITHIN)
        return " ".join(file.read_text().split()), code

    clear()
    yield move
    for process in begun:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
    clear()


WAYS = [((), NEW), (("--back",), FIRST), (("--resume",), NEW)]


@pytest.mark.parametrize(("way", "step"), WAYS, ids=["there", "back", "there again"])
def test_a_shop_moves_under_load_and_nothing_is_lost_or_doubled(over_all_roads, way, step):
    printed, code = over_all_roads(*way)

    assert (NO_DAMAGE in printed, code) == (True, 0), printed
    assert f"It ended at step {step}." in printed
    assert re.search(r"Longest pause: a request waited for \d", printed)


@pytest.mark.parametrize("way", ["--back", "--resume"])
def test_a_move_whose_lab_was_killed_ends_whole(over_a_road, killed_at, way):
    old, new, stage = killed_at
    over_a_road(until=f"there: {stage}")

    printed, code = over_a_road(way)

    assert (NO_DAMAGE in printed, code) == (True, 0), printed
    assert f"It ended at step {old if way == '--back' else new}." in printed


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

"""A shop moves under load and nothing is lost, doubled, oversold or charged twice: over all roads
there, back, and there again and past the points of no return; and over the newest one after a kill
of the lab in the middle of it.

With `--every-stage` the lab is killed at each stage of every road, there and back, and goes on each
time; and it goes back from a stage of each kind. That takes more than an hour."""

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
from tools.lab.steps import chain
from tools.lab.system.state import remove

NO_DAMAGE = "lost 0, doubled 0, oversold 0, charged twice 0"
STEPS = [step.slug for step in chain.read().steps]
FACADE = "02-facade"  # where roads begin
NEW = STEPS[-1] if STEPS else ""

pytestmark = [
    pytest.mark.skipif(not STEPS, reason="no steps are published here"),
    pytest.mark.within(600),
]


def pytest_generate_tests(metafunc):
    """Where the lab is killed: (step before the road, step behind it, title of a stage)."""
    is_every = metafunc.config.getoption("--every-stage", default=False)
    if "killed_at" in metafunc.fixturenames:
        roads = STEPS if is_every else STEPS[-1:]
        points = [(before(new), new, title) for new in roads for title in stops(new, is_every)]
        metafunc.parametrize("killed_at", points, ids=[f"{new[:2]}: {at}" for _, new, at in points])
    if "killed_on" in metafunc.fixturenames:
        roads = [new for new in STEPS if stages(new)] if is_every else []
        metafunc.parametrize("killed_on", roads, ids=[new[:2] for new in roads])


def before(slug):
    return STEPS[STEPS.index(slug) - 1]


def stages(slug):
    """[(kind, title)] of the stages to a step that a move walks; none if no road leads there."""
    path = HERE.path / "migrations" / "roads" / f"{slug}.toml"
    road = tomllib.loads(path.read_text()) if path.exists() else {"stage": []}
    walked = [(each["kind"], each["title"]) for each in road["stage"]]
    return [(kind, title) for kind, title in walked if kind != "complete"]


def stops(slug, is_every):
    """Titles: the first stage of each kind, or the one at which both steps serve and, where there
    is a gate, the last one: then nobody writes."""
    if is_every:
        return dict(reversed(stages(slug))).values()
    found = [title for kind, title in stages(slug) if "stop web of" in title]
    assert found, f"the road to {slug} stops no web: say where to kill the lab"
    return [*found, *[title for kind, title in stages(slug) if kind == "gate"][-1:]]


@pytest.fixture(scope="module")
def move():
    """Calls ./lab migrate over all roads. The tests that use it are one journey: each begins where
    the one before it has ended."""
    yield from moving(FACADE, NEW)


@pytest.fixture
def over_a_road(killed_at):
    yield from moving(*killed_at[:2])


@pytest.fixture
def over_this_road(killed_on):
    yield from moving(before(killed_on), killed_on)


def moving(first, last):
    first, last = first[:2], last[:2]
    folder = FOLDER / f"{first}-{last}"
    begun = []

    def clear():
        remove(folder / "state")
        shutil.rmtree(folder, ignore_errors=True)

    def move(*options, until=()):
        """What it prints, and its exit code; it is killed where it prints one of until."""
        words = ["migrate", first, last, *options, "--rate", "10"]
        process = subprocess.Popen(
            [sys.executable, "-m", "tools.lab", *words],
            cwd=HERE.path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        begun.append(process)
        printed = []
        for line in process.stdout:
            printed += line.split()
            if any(each in line for each in until):
                process.kill()
        return " ".join(printed), process.wait()

    clear()
    yield move
    for process in begun:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    clear()


@pytest.mark.parametrize(
    "way", [(), ("--back",), ("--resume", "--complete")], ids=["there", "back", "complete"]
)
def test_a_shop_moves_under_load_and_nothing_is_lost_or_doubled(move, way):
    printed, code = move(*way)

    assert (NO_DAMAGE in printed, code) == (True, 0), printed
    assert f"It ended at step {FACADE if way == ('--back',) else NEW}." in printed
    assert re.search(r"Longest pause: a request waited for \d", printed)


def test_nobody_goes_back_behind_a_point_of_no_return(move):
    printed, code = move("--back")

    assert ("there is no way back any more" in printed, code) == (True, 2), printed


@pytest.mark.parametrize("way", ["--back", "--resume"])
def test_a_move_whose_lab_was_killed_ends_whole(over_a_road, killed_at, way):
    old, new, stage = killed_at
    over_a_road(until=[f"there: {stage}"])

    printed, code = over_a_road(way)

    assert (NO_DAMAGE in printed, code) == (True, 0), printed
    assert f"It ended at step {old if way == '--back' else new}." in printed


@pytest.mark.within(2400)
def test_a_move_whose_lab_is_killed_at_each_stage_goes_on(over_this_road, killed_on):
    titles = [title for _, title in stages(killed_on)]
    ways = {
        "there": (titles, "--resume", killed_on),
        "back": (titles[::-1], "--back", before(killed_on)),
    }
    for way, (titles, goes_on, end) in ways.items():
        options = [] if way == "there" else [goes_on]
        lines = [f"{way}: {title}" for title in titles]
        for number in range(len(lines)):
            over_this_road(*options, until=lines[number:])  # a short stage may be over by then
            options = [goes_on]

        printed, code = over_this_road(*options)

        assert (NO_DAMAGE in printed, code) == (True, 0), printed
        assert f"It ended at step {end}." in printed


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

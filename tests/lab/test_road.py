"""A road is read with errors that name stage and field; a move that is killed at any stage goes on,
or back, and a stage that fails turns it round."""

import re
from contextlib import contextmanager
from types import SimpleNamespace

import psycopg
import pytest

from tools.lab.cli.migrate import trees_of
from tools.lab.experiment import deployment, road, stages
from tools.lab.experiment.journey import Journey, Wanted
from tools.lab.experiment.migrate import Move, TurnedRound
from tools.lab.experiment.move_journal import MoveJournal
from tools.lab.experiment.road import BACK, THERE
from tools.lab.experiment.side_by_side import urls
from tools.lab.ground.failed import Failed
from tools.lab.ground.tree import HERE, Tree
from tools.lab.steps import chain

ROAD = """
[[stage]]
kind = "run"
title = "expand"
command = "alembic upgrade"
undo = "alembic downgrade"
closed = "back"

[[stage]]
kind = "start"
title = "start the new web"
process = "web"
undo = "stop"

[[stage]]
kind = "route"
title = "send all requests there"
to = "new"
undo = "route"

[[stage]]
kind = "gate"
title = "look at it"
command = "look"
within = 0.01
undo = "nothing"

[[stage]]
kind = "stop"
title = "stop the old web"
process = "web"
undo = "start"

[[stage]]
kind = "complete"
title = "drop what is old"
command = "drop"
lost = "The old rows are gone."
undo = "nothing"
"""
STAGES = ROAD.count("[[stage]]") - 1  # before the point of no return


class Killed(BaseException):
    """What kill -9 does to the lab: nothing after it is carried out."""


class Recorded:
    """A system that keeps what was done to it; it fails or is killed at the action of a name."""

    def __init__(self, here, *, fails="", killed_at=""):
        self.running = dict(here.running)
        self.deployment = here
        self.shut = False
        self.done = []
        self.codes = {}  # {command: the step whose command it was}
        self.databases = {}  # {command: whose databases it worked on}
        self.fails = fails
        self.killed_at = killed_at
        self.tree = here.facade

    @property
    def routed(self):
        """The instances that get requests."""
        return self.deployment.serving().keys() & self.running.keys()

    @property
    def is_open(self):
        return bool(self.routed)

    def attach(self, tree):
        self.tree = tree

    def run_command(self, text, owner, other=""):
        self.codes[text] = self.tree.slug
        self.databases[text] = (owner, other)
        self._act(text)

    def start_instance(self, instance, tree):
        self._act(f"start {instance}")
        self.running[instance] = tree

    def stop_instance(self, instance):
        self._act(f"stop {instance}")
        self.running.pop(instance, None)

    def route(self, here):
        assert here.serving().keys() <= self.running.keys(), "requests go where nobody is"
        self.deployment = here
        self._act(f"route {' '.join(self.routed)}")

    @contextmanager
    def closed(self):
        self._act("close")
        yield
        self._act("open")

    def _act(self, text):
        if text == self.killed_at:
            raise Killed
        if text == self.fails:
            raise Failed(f"{text} failed")
        self.done.append(text)


class Silence:
    """Nobody comes."""

    sending = None
    folders = ("nobody",)

    def begin(self):
        """Nobody comes."""

    def end(self):
        """Nobody is there."""

    def answers(self, since):
        return []


@pytest.fixture
def trees(tmp_path):
    """Two steps with a web each, and a road between them."""
    for slug in ("06-events", "07-notifications"):
        folder = tmp_path / slug
        (folder / "tests" / "steps").mkdir(parents=True)
        (folder / "migrations" / "roads").mkdir(parents=True)
        (folder / "tests" / "steps" / f"test_{slug.replace('-', '_')}.py").touch()
        (folder / "Procfile").write_text("web: serve\nfacade: caddy run\n")
    (folder / "migrations" / "roads" / "07-notifications.toml").write_text(ROAD)
    return [Tree(tmp_path / slug) for slug in ("06-events", "07-notifications")]


@pytest.fixture
def moved(trees, tmp_path):
    """A function that makes a Move as a lab would that has just started: what ran is gone, and what
    the journal says runs again."""

    def moved(*, completing=False, **trouble):
        legs = deployment.legs(trees, completing=completing)
        journal = MoveJournal(tmp_path / "journal.jsonl")
        done = journal.position().done
        here = legs[done].before if done < len(legs) else legs[-1].after
        system = Recorded(here, **trouble)
        return Move(legs, system, journal, Silence(), pause_allowed=8.0, tell=lambda line: None)

    return moved


def rewritten(tree, old, new):
    path = tree.path / "migrations" / "roads" / f"{tree.slug}.toml"
    path.write_text(path.read_text().replace(old, new))


# Reading


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ('kind = "gate"', 'kind = "door"', "stage 4, kind: must be one of run, start, stop, gate"),
        ('process = "web"', 'proces = "web"', "stage 2, proces: is no field of start"),
        ('to = "new"\n', "", "stage 3, to: is missing"),
        ('undo = "stop"', 'undo = "nothing"', "stage 2, undo: must be stop"),
        ('undo = "alembic downgrade"\n', "", "stage 1, undo: is missing"),
        ('to = "new"', 'to = "all"', "stage 3, to: must be one of old, new, both"),
        ("within = 0.01", 'within = "soon"', "stage 4, within: must be a number"),
        ("within = 0.01", 'code = "next"', "stage 4, code: must be one of old, new"),
        ('command = "look"\n', "", "stage 4, command: give one of command, sql"),
        ('process = "web"', 'process = "till"', "stage 2, process: step 07-notifications has no"),
        ('kind = "gate"', "kind = gate", "cannot be read"),
    ],
)
def test_a_bad_file_is_one_line_that_names_stage_and_field(trees, old, new, error):
    rewritten(trees[1], old, new)

    with pytest.raises(Failed) as failed:
        deployment.legs(trees)

    assert str(failed.value).startswith("07-notifications.toml")
    assert error in str(failed.value)
    assert "\n" not in str(failed.value)
    assert failed.value.exit_code == 2


def test_a_road_ends_with_the_new_processes_and_no_others(trees):
    rewritten(trees[1], 'kind = "stop"', 'kind = "start"')
    rewritten(trees[1], 'undo = "start"', 'undo = "stop"')

    with pytest.raises(Failed, match=r"web\.06 still runs at the end"):
        deployment.legs(trees)


def test_a_process_that_gets_requests_is_not_stopped(trees):
    rewritten(trees[1], 'to = "new"', 'to = "both"')

    with pytest.raises(Failed, match="stage 5, process: web of step 06-events still gets requests"):
        deployment.legs(trees)


def test_requests_wait_for_the_process_that_starts_next(trees):
    path = trees[1].path / "migrations" / "roads" / "07-notifications.toml"
    expand, start, route, _, stop, _ = re.split(r"(?=\[\[stage)", ROAD)[1:]
    path.write_text(stop + expand + start + route)

    legs = deployment.legs(trees)

    assert [[*leg.after.serving()] for leg in legs] == [[], [], ["web.07"], ["web.07"]]


def test_a_process_that_no_route_names_gets_no_requests(trees):
    (trees[0].path / "Procfile").write_text("web: serve\nstock: serve\nfacade: caddy run\n")
    (trees[0].path / "facade").mkdir()
    (trees[0].path / "facade" / "routes").write_text("import route everything web GET /*\n")

    here = deployment.Deployment.of(trees[0])

    assert [*here.running] == ["web.06", "stock.06"]
    assert [*here.serving()] == ["web.06"]


def test_a_step_without_a_road_is_one_line(trees):
    (trees[1].path / "migrations" / "roads" / "07-notifications.toml").unlink()

    with pytest.raises(Failed, match="there is no road to step 07-notifications"):
        deployment.legs(trees)


ROADS = sorted(HERE.path.glob("migrations/roads/*.toml"))


def test_the_road_to_this_step_can_be_read():
    assert [each.title for each in road.read(HERE)]
    assert ROADS[-1].stem == HERE.slug


@pytest.mark.skipif(not chain.read().steps, reason="no steps are published here")
def test_all_published_roads_can_be_walked_one_after_the_other():
    steps = [step.slug for step in chain.read().steps]
    first = steps[steps.index(ROADS[0].stem) - 1]

    legs = deployment.legs(trees_of([first[:2], HERE.slug[:2]]))

    assert list(dict.fromkeys(leg.new.slug for leg in legs)) == [each.stem for each in ROADS]
    assert legs[-1].after == deployment.Deployment.of(HERE)


# Walking


def test_a_road_is_walked_there_and_backwards(moved):
    there = moved()
    there.there()
    back = moved()

    back.back()

    assert there.system.done == [
        "alembic upgrade",
        "start web.07",
        "route web.07",
        "look",
        "stop web.06",
    ]
    assert back.system.done == [
        "start web.06",
        "route web.06",
        "stop web.07",
        "close",
        "alembic downgrade",
        "open",
    ]
    assert [*back.system.running] == ["web.06"]


def test_a_command_is_the_new_steps_unless_its_stage_says_otherwise(trees, moved):
    rewritten(trees[1], 'command = "look"', 'command = "look"\ncode = "old"')
    move = moved()

    move.there()

    assert move.system.codes == {"alembic upgrade": "07-notifications", "look": "06-events"}


def test_a_command_can_work_on_two_databases(trees, moved):
    rewritten(trees[1], 'command = "look"', 'command = "look"\nowner = "stock"\nother = "monolith"')
    move = moved()

    move.there()

    assert move.system.databases["look"] == ("stock", "monolith")


def test_a_stage_can_have_an_undoing_only(trees, moved):
    rewritten(trees[1], 'command = "alembic upgrade"', 'command = "nothing"')
    there = moved()
    there.there()
    back = moved()

    back.back()

    assert there.system.done[0] == "start web.07"
    assert "alembic downgrade" in back.system.done


@pytest.mark.parametrize(("undo", "looks"), [("gate", 1), ("nothing", 0)])
def test_a_gate_that_names_itself_as_its_undoing_must_pass_on_the_way_back(
    trees, moved, undo, looks
):
    rewritten(trees[1], 'within = 0.01\nundo = "nothing"', f'within = 0.01\nundo = "{undo}"')
    moved().there()
    back = moved()

    back.back()

    assert back.system.done.count("look") == looks


def test_a_move_waits_before_a_gate_that_does_not_pass_on_the_way_back(trees, moved):
    rewritten(trees[1], 'within = 0.01\nundo = "nothing"', 'within = 0.01\nundo = "gate"')
    moved().there()
    gate_is_shut = moved(fails="look")

    with pytest.raises(Failed, match="look at it: not within"):
        gate_is_shut.back()

    assert "web.07" in gate_is_shut.system.running
    moved().back()


def test_a_command_finds_the_processes_of_the_newer_step():
    assert urls({"stock-web.07": 2, "stock-web.06": 1, "facade": 3}) == {
        "STOCK_WEB_URL": "http://127.0.0.1:2",
        "FACADE_URL": "http://127.0.0.1:3",
    }


ACTIONS = ["alembic upgrade", "start web.07", "route web.07", "look", "stop web.06"]


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize(("way", "instance"), [(THERE, "web.07"), (BACK, "web.06")])
def test_a_move_that_was_killed_goes_on_or_back(moved, action, way, instance):
    with pytest.raises(Killed):
        moved(killed_at=action).there()
    move = moved()

    move.there() if way == THERE else move.back()

    assert [*move.system.running] == [instance]
    assert move.system.routed == {instance}
    assert move.journal.position() == (STAGES if way == THERE else 0, None, way)


UNDOINGS = ["start web.06", "route web.06", "stop web.07", "alembic downgrade"]


@pytest.mark.parametrize("action", UNDOINGS)
def test_a_move_that_was_killed_on_the_way_back_goes_on_back(moved, action):
    moved().there()
    with pytest.raises(Killed):
        moved(killed_at=action).back()
    move = moved()

    move.back()

    assert [*move.system.running] == ["web.06"]
    assert move.journal.position() == (0, None, BACK)


@pytest.mark.parametrize("action", ACTIONS)
def test_a_stage_that_fails_turns_the_move_round(moved, action):
    move = moved(fails=action)

    with pytest.raises(TurnedRound):
        move.there()

    assert [*move.system.running] == ["web.06"]
    assert move.system.routed == {"web.06"}
    assert move.journal.position() == (0, None, BACK)


def test_a_line_that_was_cut_off_is_no_line_of_the_journal(tmp_path):
    journal = MoveJournal(tmp_path / "journal.jsonl")
    journal.add("begins", 1.0, stage=0, way=THERE)
    journal.add("done", 2.0, stage=0, way=THERE)
    with journal.path.open("a") as file:
        file.write('\n{"what": "begins", "at": 3.0, "sta')
    MoveJournal(journal.path).add("begins", 4.0, stage=1, way=THERE)

    assert MoveJournal(journal.path).position() == (1, (1, THERE), THERE)


def test_the_point_of_no_return_is_passed_only_where_it_is_wanted(moved):
    moved().there()
    move = moved(completing=True)
    move.there()

    with pytest.raises(Failed, match=r"there is no way back: The old rows are gone\."):
        move.back()

    assert move.system.done == ["drop"]


@pytest.mark.parametrize("way", [THERE, BACK])
def test_behind_the_point_of_no_return_a_move_is_refused(trees, tmp_path, moved, way):
    journal = MoveJournal(tmp_path / "journal.jsonl")
    journal.add("plan", 0.0, steps=[tree.slug for tree in trees])
    moved(completing=True).there()
    wanted = Wanted(way=way, anew=False)
    journey = Journey(trees, deployment.legs(trees), tmp_path, wanted, tell=print)

    with pytest.raises(Failed, match=r"there is no way back any more"):
        journey.check()


@pytest.mark.parametrize("completing", [False, True])
def test_the_end_of_a_move_names_the_way_back_where_there_is_one(
    trees, tmp_path, moved, completing
):
    journal = MoveJournal(tmp_path / "journal.jsonl")
    journal.add("plan", 0.0, steps=[tree.slug for tree in trees])
    moved(completing=completing).there()
    journal.add("audited", 9.0)
    legs = deployment.legs(trees, completing=completing)
    journey = Journey(trees, legs, tmp_path, Wanted(way=THERE, anew=False), tell=print)

    with pytest.raises(Failed, match=r"the move is at its end") as failed:
        journey.check()

    assert ("--back" in str(failed.value)) is not completing


def test_a_point_of_no_return_can_be_sql(database_url):
    given = {"kind": "complete", "title": "drop it", "lost": "All of it.", "undo": "nothing"}
    stage = road.stage("a road", {**given, "sql": "delete from venues; delete from sections"})
    system = SimpleNamespace(settings={"MONOLITH_DATABASE_URL": database_url})
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("insert into venues values ('v', 'Lantern Hall', 'Lisbon', 'Portugal')")

        stages.KINDS["complete"](system, stage, THERE, None, None)

        assert connection.execute("select id from venues").fetchall() == []


def test_a_request_that_waits_for_too_long_turns_the_move_round(moved):
    move = moved()
    move.traffic.answers = lambda since: [("browse", since, since + 9.0, "200")]

    with pytest.raises(TurnedRound, match=r"a request waited for 9\.0 s; allowed are 8 s"):
        move.there()

    assert [*move.system.running] == ["web.06"]


def test_requests_that_fail_turn_the_move_round(moved):
    move = moved()
    move.traffic.answers = lambda since: [("book", since + 60, since + 60, "503")] * 3

    with pytest.raises(TurnedRound, match="3 of 3 requests failed; allowed are 5%"):
        move.there()


def test_visitors_who_cannot_register_yet_come_after_a_later_stage(moved):
    move, refusals = moved(), iter(["closed", "closed"])

    def begin():
        if next(refusals, None):
            raise Failed("no account could be made")
        move.traffic.sending = True

    move.traffic.begin = begin
    move.keep_load_if_possible()
    before = move.traffic.sending

    move.there()

    assert (before, move.traffic.sending) == (None, True)
    assert len(move.journal.of("load")) == 1

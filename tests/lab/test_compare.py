from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from tools.lab.cli.compare import sides
from tools.lab.experiment.comparison import MOST_ATTEMPTS, make_runs, order, rates, search
from tools.lab.experiment.journal import Journal, newest
from tools.lab.experiment.ladder import Ladder, highest_rate
from tools.lab.experiment.result import Run
from tools.lab.experiment.run import Prepared, run
from tools.lab.experiment.settings import Settings
from tools.lab.ground.failed import Failed
from tools.lab.ground.tree import HERE

A, B = "00-monolith", "07-notifications"
BLOCKS = [[A, B], [B, A], [A, B]]
PLAN = {"files": {A: "a", B: "b"}, "settings": Settings.of(["00", "07"])._asdict()}


class Runs:
    """Makes runs without a system, and remembers which; ends(number of the run) -> dict of what
    differs from a clean run, or an exception."""

    def __init__(self, ends=lambda number: {}):
        self.ends = ends
        self.made = []
        self.attempts = []

    def __call__(self, name, block, attempt):
        end = self.ends(len(self.made) + 1)
        if isinstance(end, BaseException):
            raise end
        self.made.append((block, name))
        self.attempts.append(attempt)
        return Run("a slug", figures={"cpu": 10.0}, **end)


@pytest.fixture
def journal(tmp_path):
    made = Journal(tmp_path / "20261127-080000-00-07")
    made.begin(PLAN)
    return made


def every_run(blocks):
    return [(number, name) for number, names in enumerate(blocks) for name in names]


@pytest.mark.parametrize("blocks", [2, 8, 10])
def test_each_of_two_steps_goes_first_as_often_as_the_other(blocks):
    made = order([A, B], blocks, seed=1)

    firsts = [names[0] for names in made]
    assert len(made) == blocks
    assert firsts.count(A) == firsts.count(B) == blocks / 2


def test_every_block_has_each_step_once_and_the_next_one_is_its_reverse():
    names = [f"0{number}" for number in range(5)]

    made = order(names, 6, seed=3)

    assert all(sorted(block) == names for block in made)
    assert made[1] == made[0][::-1]
    assert made[3] == made[2][::-1]
    assert made[2] != made[0]


def test_the_seed_alone_decides_the_order():
    orders = {seed: order([A, B], 10, seed=seed) for seed in range(8)}

    assert orders[3] == order([A, B], 10, seed=3)
    assert len({str(each) for each in orders.values()}) > 1


def test_runs_are_made_in_the_order_of_the_blocks(journal):
    run, told = Runs(), []

    clean = make_runs(BLOCKS, run, journal, lambda *words: told.append(words))

    assert clean
    assert run.made == every_run(BLOCKS)
    assert [title for title, _ in told] == [
        f"block {block + 1} of 3, {name}" for block, name in every_run(BLOCKS)
    ]
    assert [left for _, left in told] == [6, 5, 4, 3, 2, 1]
    assert [(each.block, each.step) for each in journal.runs()] == run.made


@pytest.mark.parametrize("interrupted_at", range(1, 7))
def test_resumed_it_makes_exactly_the_runs_that_are_missing(journal, interrupted_at):
    def interrupt(number):
        return KeyboardInterrupt() if number == interrupted_at else {}

    with pytest.raises(KeyboardInterrupt):
        make_runs(BLOCKS, Runs(interrupt), journal)
    run = Runs()

    make_runs(BLOCKS, run, Journal(journal.folder))

    assert run.made == every_run(BLOCKS)[interrupted_at - 1 :]
    assert [(each.block, each.step) for each in journal.runs()] == every_run(BLOCKS)


def test_a_finished_comparison_makes_no_run_when_resumed(journal):
    make_runs(BLOCKS, Runs(), journal)
    run = Runs()

    clean = make_runs(BLOCKS, run, journal)

    assert clean
    assert run.made == []


def test_a_void_run_repeats_its_whole_block(journal):
    run = Runs(lambda number: {"void": "the generator was late"} if number == 4 else {})

    clean = make_runs(BLOCKS, run, journal)

    assert clean
    assert run.made == [*every_run(BLOCKS)[:4], (1, B), (1, A), (2, A), (2, B)]
    assert run.attempts == [1, 1, 1, 1, 2, 2, 1, 1]
    assert [(each.block, each.step) for each in journal.runs()] == every_run(BLOCKS)
    assert not any(each.void for each in journal.runs())


def test_a_block_that_stays_void_is_given_up_with_its_reason(journal):
    run = Runs(lambda number: {"void": "the generator was late"})

    with pytest.raises(Failed, match="block 1 was void 3 times.*the generator was late"):
        make_runs(BLOCKS, run, journal)

    assert run.made == [(0, A)] * MOST_ATTEMPTS


def test_a_block_that_was_given_up_is_tried_again_when_resumed(journal):
    with pytest.raises(Failed):
        make_runs(BLOCKS, Runs(lambda number: {"void": "late"}), journal)
    run = Runs()

    make_runs(BLOCKS, run, journal)

    assert run.made == every_run(BLOCKS)


def test_a_run_that_broke_a_promise_ends_the_comparison(journal):
    lost = {"broken": {"lost": ["booking 5 is gone"]}, "history": {"5": ["recorded", "published"]}}
    run = Runs(lambda number: lost if number == 3 else {})

    clean = make_runs(BLOCKS, run, journal)

    made = journal.runs()
    assert not clean
    assert run.made == every_run(BLOCKS)[:3]
    assert made[-1].broken == lost["broken"]
    assert made[-1].history == lost["history"]


def test_a_comparison_that_broke_a_promise_stays_so_when_resumed(journal):
    make_runs(BLOCKS, Runs(lambda number: {"broken": {"lost": ["x"]}}), journal)
    run = Runs()

    clean = make_runs(BLOCKS, run, journal)

    assert not clean
    assert run.made == []


def test_a_line_that_was_cut_off_is_a_run_that_was_not_made(journal):
    make_runs(BLOCKS, Runs(), journal)
    text = journal.runs_file.read_text()
    journal.runs_file.write_text(text[:-20])
    run = Runs()

    make_runs(BLOCKS, run, journal)

    assert run.made == every_run(BLOCKS)[-1:]
    assert len(journal.runs()) == len(every_run(BLOCKS))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"files": {A: "a", B: "another"}}, "files"),
        ({"settings": Settings.of(["00", "07"], rate=30.0)._asdict()}, "settings"),
    ],
)
def test_another_plan_or_other_files_are_refused_in_one_line(journal, change, named):
    with pytest.raises(Failed, match=f"cannot be resumed: its {named} changed") as refused:
        journal.check({**PLAN, **change})

    assert "\n" not in str(refused.value)
    assert refused.value.exit_code == 2


def test_the_same_plan_is_accepted(journal):
    journal.check(PLAN)

    assert journal.kept("plan") == PLAN


def test_the_newest_journal_is_found(tmp_path):
    assert newest(tmp_path) is None
    for name in ("1-old", "2-new"):
        Journal(tmp_path / name).begin(PLAN)

    assert newest(tmp_path).name == "2-new"


def held(rate, broken=()):
    return Ladder(rate, None, "the system", [], Run("a slug", broken=dict(broken)))


def test_each_step_is_searched_for_its_highest_rate_in_turn(journal):
    searched = []

    def highest_rate(name):
        searched.append(name)
        return held(len(searched))

    search(BLOCKS, highest_rate, journal, lambda *words: None)

    assert searched == [name for names in BLOCKS for name in names]
    assert rates(journal) == {A: [1, 4, 5], B: [2, 3, 6]}


def test_resumed_it_makes_exactly_the_searches_that_are_missing(journal):
    search(BLOCKS[:2], lambda name: held(80), journal, lambda *words: None)
    searched = []

    def highest_rate(name):
        searched.append(name)
        return held(90)

    search(BLOCKS, highest_rate, journal, lambda *words: None)

    assert searched == [A, B]
    assert rates(journal) == {A: [80, 80, 90], B: [80, 80, 90]}


def test_a_search_that_broke_a_promise_is_kept_as_a_broken_run(journal):
    search(BLOCKS, lambda name: held(80, {"lost": ["x"]}), journal, lambda *words: None)

    assert [run.broken for run in journal.runs()] == [{"lost": ["x"]}]
    assert rates(journal) == {}


def test_too_few_blocks_for_a_verdict_are_said_beforehand():
    settings = Settings.of(["00", "07"])

    assert "not enough runs" in settings._replace(blocks=5).advice()
    assert "only CPU time" in settings._replace(blocks=6).advice()
    assert settings.advice() == ""
    assert Settings.of(["00", "07"], quick=True).advice() == ""


def test_a_campaign_is_named_without_its_steps():
    settings = Settings.of(["00-monolith", "07-notifications"], every=True, rate=80.0)

    assert settings.command() == "./lab compare --all --rate 80"


def test_the_command_names_every_option_that_is_not_usual():
    assert Settings.of(["00", "07"]).command() == "./lab compare 00 07"
    assert (
        Settings.of(["00", "07"], quick=True, blocks=12, rate=30.0).command()
        == "./lab compare 00 07 --quick --blocks 12 --rate 30"
    )


def test_a_quick_comparison_of_two_steps_is_over_within_four_minutes():
    settings = Settings.of(["00", "07"], quick=True)

    assert settings.seconds_of(settings.blocks * 2, ["00", "07"]) <= 240


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    """A Prepared whose system only seems to run; its worker has logged a line."""
    state = tmp_path / "state"
    (state / "logs").mkdir(parents=True)
    (state / "logs" / "worker.log").write_text("stands still\n")
    prepared = Prepared(HERE, None, None, tmp_path / "journal" / "logs")
    system = SimpleNamespace(state=state, ready_after=1.0)
    monkeypatch.setattr(prepared, "start", lambda: nullcontext(system))
    for name in ("run.visitors", "run.settle", "ladder.visitors"):
        monkeypatch.setattr(f"tools.lab.experiment.{name}", lambda *given: None)
    return prepared


BROKEN = pytest.mark.parametrize("broken", [{}, {"no booking is lost": ["b1"]}])


def kept_by(prepared):
    return sorted(each.name for each in prepared.logs.glob("*"))


@BROKEN
def test_the_logs_of_a_run_that_broke_a_promise_are_kept(prepared, monkeypatch, broken):
    made = Run("a slug", broken=broken)
    monkeypatch.setattr("tools.lab.experiment.run.measure", lambda *given, load: made)

    run(prepared, None)

    assert kept_by(prepared) == (["worker.log"] if broken else [])


@BROKEN
def test_the_logs_of_a_search_that_broke_a_promise_are_kept(prepared, monkeypatch, broken):
    made = Ladder(1.0, 2.0, "", [], Run("a slug", broken=broken))
    monkeypatch.setattr("tools.lab.experiment.ladder.search", lambda *given: made)

    highest_rate(prepared, SimpleNamespace(rate=1.0))

    assert kept_by(prepared) == (["worker.log"] if broken else [])


def test_the_sides_of_a_comparison_have_names_of_their_own():
    step = HERE.slug[:2]

    named = sides([step, step, f"{step}+proxy", f"{HERE.path}/"])

    assert list(named) == [
        HERE.slug,
        f"{HERE.slug} (2)",
        f"{HERE.slug} (proxy)",
        f"{HERE.slug} ({HERE.path.name})",
    ]
    assert all(tree.path == HERE.path for tree in named.values())


def test_a_folder_that_is_no_checkout_is_refused(tmp_path):
    with pytest.raises(Failed, match="is no checkout"):
        sides(["07", f"{tmp_path}/"])


def test_one_step_alone_is_no_comparison():
    with pytest.raises(Failed, match="name two steps"):
        sides(["07"])

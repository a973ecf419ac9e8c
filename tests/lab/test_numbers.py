"""Numbers as people read them, and the documents that are made from kept results."""

import re
from dataclasses import replace

import pytest

from tests.lab.results import A, B, broken, compared
from tools.lab.experiment.result import Result, Run
from tools.lab.experiment.verdicts import verdicts
from tools.lab.report import grounds, markdown, noise, readme, stops, store
from tools.lab.report.human import middle, number, with_unit
from tools.lab.report.kept import Kept

MIDDLE = "03-stateless"
FILES = {A: f"digest of {A}", B: f"digest of {B}"}
COUPLED = dict.fromkeys(markdown.COUPLING, [3])
BENCHED = {
    "hold, p50 ms": [9.0],
    "relay, messages a second from a backlog": [17_431.0],
    "one event, rate with a tenth traced": [0.97, 1.02, 0.99],
    "CPU of web for hold, ms": [4.0],
    "CPU of postgres for hold, ms": [1.0],
    "CPU of all for hold, ms": [5.0],
    "CPU of web for book, ms": [10.0],
    "CPU of all for book, ms": [10.0],
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "FOLDER", tmp_path / "measurements")
    return store.FOLDER


def result_of(kind, slug, figures, files=None):
    return Result(
        kind,
        f"./lab {kind} {slug[:2]} --keep",
        "2 cores",
        files={slug: files or FILES[slug]},
        figures={slug: figures},
    )


def against_itself(ratio):
    """A comparison of a step with itself, in which the second one needs ratio times as much CPU."""
    runs = [
        Run(name, block, figures={"cpu": value + block})
        for block in range(8)
        for name, value in ((A, 10.0), (f"{A} (2)", 10.0 * ratio + block * (ratio - 1)))
    ]
    files = dict.fromkeys([A, f"{A} (2)"], FILES[A])
    result = Result("compare", "./lab compare 00 00 --quick", "2 cores", files=files, runs=runs)
    return replace(result, verdicts=verdicts(result))


def kept_of(*results, campaign=None, files=FILES):
    """Kept with results of one step each."""
    by_step = {slug: [each for each in results if slug in each.files] for slug in files}
    return Kept(files, by_step, campaign)


def rows_of(text):
    """{first cell: other cells} of every row of Markdown's tables."""
    rows = [line[2:-2].split(" | ") for line in text.splitlines() if line[:1] == "|"]
    return {first: others for first, *others in rows}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (17_431.0, "17,400"),
        (5790, "5,790"),
        (999.7, "1,000"),
        (225.6, "226"),
        (12.83, "12.8"),
        (0.432, "0.43"),
        (2.0, "2"),
        (-0.696, "-0.7"),
        (-0.001, "0"),
        (0, "0"),
    ],
)
def test_a_number_has_three_digits_and_commas(value, text):
    assert number(value) == text


def test_a_figure_has_its_unit_beside_its_value():
    assert with_unit("mail accepted to committed, p50, ms", [0.959]) == (
        "mail accepted to committed, p50",
        "0.96 ms",
    )
    assert with_unit("register, p50 longer with mail 100 ms slower, ms", [3, 1, 2])[1] == "2 ms"
    assert with_unit("statements to book", [22]) == ("statements to book", "22")
    assert middle([1, 2]) == "1.5"


def test_a_kept_result_takes_the_place_of_an_older_one_of_its_command(folder):
    store.keep(result_of("bench", A, {"hold, p50 ms": [1.0]}))
    store.keep(result_of("coupling", A, COUPLED))

    store.keep(result_of("bench", A, BENCHED))

    assert [each.kind for each in store.read(A)] == ["coupling", "bench"]
    assert store.read(A)[1].figures == {A: BENCHED}
    assert store.read(B) == []


def test_drills_take_the_place_of_those_that_they_repeat(folder):
    every = broken((A,))
    one = replace(
        every, command="./lab break 00", drills={A: {"control": every.drills[A]["control"]}}
    )
    store.keep(one)

    store.keep(every)

    assert store.read(A) == [every]


def test_a_result_of_several_steps_is_kept_with_each(folder):
    result = broken()

    store.keep(result)

    for slug in (A, B):
        (kept,) = store.read(slug)
        assert kept.steps == [slug]
        assert kept.drills == {slug: result.drills[slug]}


def test_the_comparison_is_kept_as_a_whole_without_its_latencies(folder):
    result = compared()

    store.keep(result)

    kept = store.campaign()
    assert kept.steps == [A, B]
    assert kept.verdicts == result.verdicts
    assert [run.figures for run in kept.runs] == [run.figures for run in result.runs]
    assert not any(run.latencies or run.seconds for run in kept.runs)
    assert all(run.latencies for run in result.runs)


def test_comparisons_of_a_step_with_itself_are_kept_beside_each_other(folder):
    first, second = against_itself(1.0), against_itself(1.02)
    store.keep(first)
    store.keep(replace(second, command=f"{second.command} --seed 2"))

    store.keep(first)

    kept = store.noise()
    assert [each.verdicts for each in kept] == [first.verdicts, second.verdicts]
    assert not any(each.runs for each in kept)
    assert store.campaign() is None


def test_the_noise_is_counted_by_figure_and_side():
    same, slower = against_itself(1.0), against_itself(1.3)

    rows = rows_of(noise.differences([same, same, slower]))

    assert rows["figure that differs"] == ["00 (2)"]
    assert rows["CPU time of a request"] == ["1 of 3, ratio 1"]
    assert noise.differences([]) == "Not measured yet.\n"


def test_a_renamed_step_keeps_its_results(folder):
    store.keep(result_of("bench", A, BENCHED))

    (folder / f"{A}.json").rename(folder / "00-first.json")

    assert store.read("00-first")[0].figures == {"00-first": BENCHED}


def test_a_page_shows_a_step_beside_the_one_before_and_the_first():
    campaign = compared()
    files = {A: FILES[A], MIDDLE: "m", B: FILES[B]}

    text = markdown.numbers(B, kept_of(campaign=campaign, files=files))

    rows = rows_of(text)
    value, first, verdict = rows["CPU time of a request"]
    assert float(value.removesuffix(" ms")) > float(first.removesuffix(" ms"))
    assert verdict.endswith("times, worse")
    assert rows["book, p50"][2].endswith("times, better")
    assert rows["processes"] == ["6", "1", ""]
    assert "step 03" not in text  # it was not compared


def test_what_no_run_compares_says_so():
    campaign = replace(
        compared(blocks=3),
        figures={A: {"requests a second held": [240]}, B: {"requests a second held": [210]}},
    )

    rows = rows_of(markdown.numbers(B, kept_of(campaign=campaign)))

    assert rows["CPU time of a request"][2] == "not enough runs"
    assert rows["requests a second held (higher is better)"] == ["210", "240", "not compared"]


def test_a_page_says_where_the_cpu_time_goes():
    campaign = compared()

    rows = rows_of(markdown.numbers(B, kept_of(campaign=campaign)))

    for process in campaign.runs_of(B)[0].by_process["cpu"]:
        assert rows[process][0].endswith(" ms")
        assert rows[process][1].endswith(" MB")
    assert rows["all"][0] == f"{number(kept_of(campaign=campaign).median(B, 'cpu'))} ms"


def test_a_page_says_what_stops_when_a_component_fails():
    drills = broken()
    kept = kept_of(replace(drills, files={B: FILES[B]}, drills={B: drills.drills[B]}))

    rows = rows_of(markdown.numbers(B, kept))

    assert rows["The mail server is stopped"][:2] == ["nothing", "welcome mail"]
    assert rows["web is stopped"][0] == "everything"
    assert rows["An instance of web is killed with -9"][3].endswith(" s")
    assert "Nothing is broken" not in rows


def test_many_journeys_that_fail_are_those_that_do_not():
    found = {"browse": "works", "hold": "fails", "book": "fails", "cancel": "fails"}

    assert markdown.journeys(found, "fails") == "all but browse"
    assert markdown.journeys(found, "later") == "nothing"


def test_single_requests_are_folded_with_a_table_of_processes():
    text = markdown.numbers(A, kept_of(result_of("bench", A, BENCHED)))

    rows = rows_of(text)
    assert "<details>" in text
    assert rows["hold, p50"] == ["9 ms", ""]
    assert rows["relay, messages a second from a backlog"][0] == "17,400"
    assert rows["one event, rate with a tenth traced"] == ["0.99", "0.97 to 1.02"]
    assert rows["process"] == ["hold", "book"]
    assert rows["postgres"] == ["1", ""]
    assert rows["all"] == ["5", "10"]


def test_what_is_not_measured_is_left_out_with_its_command():
    text = markdown.numbers(B, kept_of(result_of("coupling", B, COUPLED)))

    assert rows_of(text)["statements to book"] == ["3"]
    assert "Not measured yet: `./lab compare --all --keep`," in text
    assert "`./lab coupling 07 --keep`" not in text.partition("Not measured yet")[2].split(".")[0]


def test_a_page_says_which_figures_are_older_than_their_step():
    old, new = result_of("bench", B, BENCHED, files="old"), result_of("coupling", B, COUPLED)
    of_first = result_of("coupling", A, COUPLED, files="old")

    text = markdown.numbers(B, kept_of(old, new, of_first)).replace("\n", " ")

    assert "Older than the code of this step are the figures of `./lab bench 07 --keep`." in text
    assert "Older than the code of step 00 are the figures of `./lab coupling 00 --keep`." in text


def test_no_number_is_written_with_an_exponent():
    campaign = compared()
    campaign.runs[0].figures["memory"] = 1_740_000.0

    text = markdown.numbers(A, kept_of(result_of("bench", A, BENCHED), campaign=campaign))

    assert not re.search(r"\de[+-]\d", text)


def test_the_readme_shows_steps_side_by_side():
    changed = {"booking-limit": [5, 40, 1]}
    campaign = compared()
    campaign.facts[A] |= {"changes": changed}

    rows = rows_of(readme.comparison(kept_of(campaign=campaign)))

    assert rows[""] == [f"[{slug[:2]} {slug[3:]}](docs/steps/{slug}.md)" for slug in (A, B)]
    assert rows["journeys that go on while the mail server is down"] == ["5 of 8", "7 of 8"]
    assert rows["imports of internals, and foreign keys, across modules"] == ["7 + 7", "0 + 0"]
    change = "[booking-limit](docs/changes/README.md): files / processes to deploy"
    assert rows[change] == ["5 / 1", ""]
    assert "requests a second held" not in rows  # nobody has measured it


def test_the_readme_says_what_helps_what_it_buys_and_what_it_costs():
    campaign = compared()
    campaign.facts[A] |= {"changes": {"artist-in-subject": [1, 3, 1]}}
    campaign.facts[B] |= {"changes": {"artist-in-subject": [1, 3, 2]}}
    moved = replace(
        result_of("migrate", B, {}),
        facts={B: {"whole": {"longest": 1.29, "failed": 2, "requests": 458}}},
    )

    (row,) = list(rows_of(stops.advice(kept_of(moved, campaign=campaign))).values())[2:]

    link, buys, costs, back = row
    assert link == "[07 notifications](docs/steps/07-notifications.md)"
    assert buys == "a change of the mail's text deploys 2 of 6 processes; at step 00, 1"
    assert re.match(r"2\.\d+ times the CPU time, \d\.\d+ times the memory, 6 processes; ", costs)
    assert costs.endswith("waited for 1.29 s at most, and 2 of 458 failed")
    assert back == "`./lab migrate 00 07 --back`"


def test_a_ground_that_nobody_has_measured_has_no_line():
    measured = grounds.measured(kept_of(files={A: "a", "05-tables": "b", "06-events": "c"}))

    assert list(rows_of(measured)) == ["idea", "---"]


def test_journeys_that_go_on_are_counted_here_and_at_the_step_before():
    kept = kept_of(campaign=compared())

    says = stops.Going("kill-web", "a web process is killed").at(B, kept)

    assert says == "8 of 8 journeys go on while a web process is killed; at step 00, 0"
    assert stops.Going("no-such-drill", "it rains").at(B, kept) == ""

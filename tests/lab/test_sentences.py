from itertools import product

import pytest

from tools.lab.experiment import verdicts as judging
from tools.lab.experiment.figures import FIGURES
from tools.lab.experiment.result import Result, Run
from tools.lab.experiment.verdicts import Verdict
from tools.lab.report.sentences import sentences

A, B = "00-monolith", "07-notifications"
RATIOS = {
    judging.WORSE: 1.52,
    judging.BETTER: 0.7,
    judging.SAME: 1.01,
    judging.INCONCLUSIVE: 1.1,
    judging.TOO_FEW: 1.3,
}
FACTS = {"processes": 1, "imports": 7, "keys": 7, "joins": 3, "largest": 2300}
DRILL = {"found": {"browse": "works", "hold": "works", "book": "fails"}}
BETTER_DRILL = {"found": dict.fromkeys(("browse", "hold", "book"), "works")}


def result_of(words, facts=({}, {}), drills=({}, {})):
    """A Result of two steps with these verdicts, {figure: word}, and these facts and drills."""
    return Result(
        "compare",
        "./lab compare 00 07",
        "m",
        files={A: "a", B: "b"},
        runs=[Run(A), Run(B)],
        facts=dict(zip((A, B), facts, strict=True)),
        drills=dict(zip((A, B), drills, strict=True)),
        verdicts=[
            Verdict(figure, B, A, RATIOS[word], 1.0, 1.0, 10, 0.002, word)
            for figure, word in words.items()
        ],
    )


def test_a_step_that_costs_more_and_buys_something_is_a_choice():
    result = result_of(
        {"cpu": "worse", "memory": "worse", "browse p50": "same", "hold p50": "inconclusive"},
        (FACTS, {**FACTS, "keys": 0}),
        ({"mail": DRILL}, {"mail": BETTER_DRILL}),
    )

    assert sentences(result) == [
        f"{B} costs more than {A}: 52 % more CPU time for a request and 52 % more memory; within "
        "5 % it is the same in time to browse (p50); these runs do not decide time to hold (p50).",
        "It buys more journeys that go on during a fault (3 of 3 instead of 2) and fewer foreign "
        "keys across modules (0 instead of 7).",
        f"Take {B} if you want more journeys that go on during a fault (3 of 3 instead of 2) and "
        "fewer foreign keys across modules (0 instead of 7), and can live with 52 % more CPU time "
        f"for a request and 52 % more memory; otherwise take {A}.",
    ]


def test_a_step_that_costs_less_and_gives_up_something_is_a_choice():
    result = result_of(
        {"cpu": "better"}, ({**FACTS, "keys": 0}, FACTS), ({"mail": BETTER_DRILL}, {"mail": DRILL})
    )

    cost, purchase, advice = sentences(result)

    assert cost == f"{B} costs less than {A}: 30 % less CPU time for a request."
    assert purchase.startswith("It buys nothing that is measured here; it brings fewer journeys")
    assert advice.startswith(f"Take {B} if you want 30 % less CPU time for a request, and can live")


def test_a_step_against_itself_has_no_difference():
    result = result_of(
        dict.fromkeys(FIGURES, "same"), (FACTS, FACTS), ({"mail": DRILL}, {"mail": DRILL})
    )

    cost, purchase, advice = sentences(result)

    assert cost.startswith(f"{B} costs the same as {A}, within 5 %, in CPU time for a request")
    assert purchase == "It buys nothing that is measured here."
    assert advice == "Take either: no difference was found."


def test_what_is_not_measured_names_the_command_that_measures_it():
    _, purchase, advice = sentences(result_of({"cpu": "worse"}))

    assert purchase == (
        "What it buys is not known yet: measure it with `./lab break STEP --all --keep` and "
        "`./lab coupling STEP --keep`."
    )
    assert advice == (
        f"Take {A}: nothing measured here (some of it is not measured yet) speaks for {B}."
    )


def test_what_only_one_step_lacks_names_that_step():
    purchase = sentences(result_of({"cpu": "worse"}, (FACTS, {}), ({"mail": DRILL}, {})))[1]

    assert "`./lab break 07 --all --keep` and `./lab coupling 07 --keep`" in purchase


def test_too_few_runs_give_no_advice():
    cost, _, advice = sentences(result_of({"cpu": "not enough runs"}, (FACTS, FACTS)))

    assert "not enough runs" in cost
    assert advice.startswith("Do not choose")


def test_inconclusive_runs_are_not_called_the_same():
    cost, _, advice = sentences(
        result_of({"cpu": "inconclusive"}, (FACTS, FACTS), ({"mail": DRILL}, {"mail": DRILL}))
    )

    assert cost == (
        f"Whether {B} costs more than {A} is open: these runs do not decide CPU time for a request."
    )
    assert advice.startswith("These runs do not decide between them")


def test_a_run_that_lost_something_is_no_reason_to_take_either():
    result = result_of({"cpu": "better"}, (FACTS, FACTS))
    result.runs[1].broken = {"bookings are not lost": ["booking 5 is gone"]}

    assert sentences(result)[0] == (f"{B} lost or doubled something, so the costs are not shown.")
    assert sentences(result)[2].startswith("Take neither")


def test_a_large_ratio_is_said_as_times():
    result = result_of({"memory": "worse"})
    result.verdicts[0].ratio = 3.14

    assert "3.14 times the memory" in sentences(result)[0]


def test_a_slow_tail_is_said_only_where_the_median_is_not_slow_too():
    both = sentences(result_of({"book p50": "worse", "book p95": "worse"}))[0]
    tail = sentences(result_of({"book p50": "same", "book p95": "worse"}))[0]

    assert "p95" not in both
    assert "52 % more time to book (p95)" in tail


@pytest.mark.parametrize("words", list(product(RATIOS, repeat=3)))
@pytest.mark.parametrize(
    "others",
    [
        {},
        {"facts": (FACTS, {**FACTS, "processes": 3, "imports": 0})},
        {"facts": (FACTS, FACTS), "drills": ({"mail": DRILL}, {"mail": BETTER_DRILL})},
    ],
    ids=["nothing", "facts", "drills"],
)
def test_every_combination_of_verdicts_is_three_sentences(words, others):
    said = sentences(
        result_of(dict(zip(("cpu", "memory", "book p50"), words, strict=True)), **others)
    )

    assert len(said) == 3
    for sentence in said:
        assert sentence[0].isupper() or sentence.startswith((A, B))
        assert sentence.endswith(".")
        assert sentence.count(". ") == 0
        assert ": ;" not in sentence
        assert "  " not in sentence
        assert "None" not in sentence

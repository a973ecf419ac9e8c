from math import exp, log
from random import Random

import pytest

from tools.lab.experiment import verdicts as judging
from tools.lab.experiment.figures import FIGURES
from tools.lab.experiment.result import Result, Run

A, B = "00-monolith", "01-journeys"


def result_of(base, step):
    """A Result of two steps, from {figure: [value of each block]} of each."""
    runs = [
        Run(name, block, figures={key: values[block] for key, values in figures.items()})
        for name, figures in {A: base, B: step}.items()
        for block in range(len(next(iter(figures.values()))))
    ]
    return Result("compare", "./lab compare 00 01", "m", files={A: "a", B: "b"}, runs=runs)


def verdict_of(base, step, figure="cpu"):
    found = judging.verdicts(result_of({figure: base}, {figure: step}))
    return found[0]


@pytest.mark.parametrize(
    ("count", "most", "chance"), [(1, 0, 1 / 2), (3, 1, 4 / 8), (8, 0, 1 / 256), (8, 1, 9 / 256)]
)
def test_the_tail_is_that_of_the_binomial_distribution(count, most, chance):
    assert judging.tail(count, most) == chance


@pytest.mark.parametrize(
    ("signs", "p"),
    [
        ("++++++++", 0.0078125),
        ("+++++++-", 0.0703125),
        ("--------", 0.0078125),
        ("++++----", 1.0),
        ("+++", 0.25),
        ("", 1.0),
        ("++++++00", 0.03125),
        ("00000000", 1.0),
    ],
)
def test_the_sign_test_counts_both_sides_and_leaves_ties_out(signs, p):
    values = [{"+": 0.1, "-": -0.1, "0": 0.0}[sign] for sign in signs]

    assert judging.sign_test(values) == p


# from the tables of the binomial distribution: the rank of the lower limit, counted from 1
@pytest.mark.parametrize(
    ("count", "rank"), [(6, 1), (7, 1), (8, 1), (9, 2), (10, 2), (12, 3), (15, 4), (20, 6)]
)
def test_the_interval_reaches_from_one_order_statistic_to_its_mirror(count, rank):
    values = list(range(1, count + 1))
    Random(1).shuffle(values)

    assert judging.interval(values) == (rank, count + 1 - rank)


@pytest.mark.parametrize("count", range(6))
def test_fewer_than_six_pairs_have_no_interval_and_no_verdict(count):
    base = [1.0] * max(1, count)
    step = [2.0] * count + [0.0] * (not count)

    found = verdict_of(base, step)

    assert judging.interval([1.0] * count) is None
    assert (found.low, found.high, found.p) == (None, None, None)
    assert found.verdict == judging.TOO_FEW


def test_holm_multiplies_the_smallest_most_and_keeps_the_order():
    corrected = judging.holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})

    assert corrected == pytest.approx({"d": 0.02, "a": 0.03, "c": 0.06, "b": 0.06})


def test_a_corrected_p_is_at_most_one():
    assert judging.holm({"a": 0.6, "b": 0.7}) == {"a": 1.0, "b": 1.0}


def test_the_ratio_is_the_median_of_the_pairs():
    found = verdict_of([1.0, 2.0, 4.0, 1.0, 2.0, 4.0, 1.0, 1.0], [2.0, 4.0, 8.0] * 2 + [2.0, 2.0])

    assert found.ratio == pytest.approx(2.0)
    assert (found.low, found.high) == pytest.approx((2.0, 2.0))
    assert (found.pairs, found.p) == (8, 0.0078125)
    assert (found.step, found.base) == (B, A)


@pytest.mark.parametrize(("factor", "word"), [(1.3, judging.WORSE), (0.7, judging.BETTER)])
def test_less_is_better_where_the_figure_says_so(factor, word):
    assert verdict_of([10.0] * 8, [10.0 * factor] * 8).verdict == word


@pytest.mark.parametrize(("factor", "word"), [(1.3, judging.BETTER), (0.7, judging.WORSE)])
def test_more_is_better_where_the_figure_says_so(factor, word):
    low, high = log(factor), log(factor)

    assert judging.verdict(low, high, 0.01, less_is_better=False) == word


def test_a_small_difference_in_every_pair_is_the_same():
    found = verdict_of([100.0] * 8, [103.0] * 8)

    assert found.verdict == judging.SAME


def test_a_wide_interval_around_no_difference_is_inconclusive():
    found = verdict_of([100.0] * 8, [70.0, 130.0] * 4)

    assert found.verdict == judging.INCONCLUSIVE


def test_a_block_without_a_value_leaves_its_pair_out_and_is_counted():
    result = result_of({"cpu": [10.0] * 8}, {"cpu": [20.0] * 7 + [0.0]})
    del result.runs[0].figures["cpu"]

    (found,) = judging.verdicts(result)

    assert (found.pairs, found.left_out) == (6, 2)
    assert found.verdict == judging.WORSE


def test_a_figure_that_nobody_measured_has_no_verdict():
    found = judging.verdicts(result_of({"cpu": [1.0] * 8}, {"cpu": [1.0] * 8}))

    assert [each.figure for each in found] == ["cpu"]


def test_only_secondary_figures_are_corrected():
    base = {figure: [10.0] * 8 for figure in FIGURES}
    step = {figure: [20.0] * 8 for figure in FIGURES}

    found = {each.figure: each for each in judging.verdicts(result_of(base, step))}

    assert (found["cpu"].p, found["cpu"].verdict) == (0.0078125, judging.WORSE)
    assert found["memory"].p == pytest.approx(0.0078125 * (len(FIGURES) - 1))


@pytest.mark.parametrize(("secondary", "pairs"), [(0, 6), (1, 6), (5, 8), (6, 8), (7, 9), (8, 9)])
def test_the_pairs_needed_grow_with_the_number_of_figures(secondary, pairs):
    assert judging.pairs_needed(secondary) == pairs


def comparison(random, shift, noise, blocks=10):
    """Verdicts on all figures of two steps, which differ by a factor beyond noise; the machine's
    mood changes from block to block."""
    moods = [exp(random.gauss(0, 0.3)) for _ in range(blocks)]
    base, step = (
        {
            figure: [10 * mood * factor * exp(random.gauss(0, noise)) for mood in moods]
            for figure in FIGURES
        }
        for factor in (1.0, shift)
    )
    return judging.verdicts(result_of(base, step))


def test_noise_alone_seldom_gets_a_verdict():
    random = Random(17)

    found = [comparison(random, 1.0, 0.10) for _ in range(300)]

    wrong = [each for each in found if {v.verdict for v in each} & {judging.BETTER, judging.WORSE}]
    assert len(wrong) / len(found) <= 0.07  # 0.021 of the primary figure, and at most 0.05


def test_a_shift_of_a_fifth_is_found_through_noise_of_five_percent():
    random = Random(17)

    found = [each for _ in range(100) for each in comparison(random, 1.2, 0.05)]

    primary = [each.verdict for each in found if each.figure == "cpu"]
    others = [each.verdict for each in found if each.figure != "cpu"]
    assert primary.count(judging.WORSE) == len(primary)
    assert others.count(judging.WORSE) / len(others) > 0.95
    assert judging.BETTER not in (*primary, *others)


def test_the_interval_holds_the_true_ratio_at_least_as_often_as_it_says():
    random = Random(17)

    found = [each for _ in range(100) for each in comparison(random, 1.5, 0.2)]

    held = [each for each in found if each.low <= 1.5 <= each.high]
    assert len(held) / len(found) >= 0.95


def test_verdicts_are_read_again_as_they_were_written(tmp_path):
    result = result_of({"cpu": [1.0] * 8}, {"cpu": [2.0] * 8})
    result.verdicts = judging.verdicts(result)
    result.write(tmp_path / "result.json")

    again = Result.read(tmp_path / "result.json")

    assert again == result

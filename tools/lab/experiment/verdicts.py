"""What a comparison may say: for each figure the ratio of two steps, how sure it is, and a verdict.

Runs are compared in pairs, since runs of one block had the machine in the same mood: the figure is
the median of the logarithms of the ratios, so that twice and half weigh the same. Nothing is
assumed of their distribution but that pairs are independent:

- p is that of the exact two-sided sign test; pairs without a difference are left out of it.
- The interval holds the median with at least 95 %: it reaches from one order statistic to another,
  which the same binomial distribution gives (both in Conover, Practical Nonparametric Statistics,
  chapter 3). Fewer than six pairs have no such interval, so they say nothing.
- One figure is primary. Of several others one would differ by chance, so their p are corrected
  (Holm, A Simple Sequentially Rejective Multiple Test Procedure, 1979), for each step by itself.
- A difference of less than 5 % either way is none that anybody should act on: if the interval lies
  within, both are the same (the interval form of an equivalence test: Schuirmann, 1987).

The number of pairs is fixed before the first run: who adds runs until the result pleases finds a
difference in the end, whether there is one or not."""

from dataclasses import dataclass
from math import comb, exp, log
from statistics import median

from tools.lab.experiment.figures import FIGURES, PRIMARY

BETTER = "better"
WORSE = "worse"
SAME = "same"
INCONCLUSIVE = "inconclusive"
TOO_FEW = "not enough runs"
CHANCE = 0.05  # of a verdict where there is no difference, and of an interval that misses
MARGIN = log(1.05)


@dataclass
class Verdict:
    """A figure of a step against the same figure of the base; numbers are None where there are too
    few pairs for them."""

    figure: str  # key of FIGURES
    step: str
    base: str
    ratio: float | None  # of step to base: the median of the pairs
    low: float | None  # the ratio lies between low and high, with at least 95 %
    high: float | None
    pairs: int
    p: float | None  # of the sign test; that of a secondary figure is corrected
    verdict: str
    left_out: int = 0  # blocks in which one of both had no value, or 0


def verdicts(result):
    """The Verdicts of every step against the first one, figure by figure."""
    base, *others = result.steps
    return [each for step in others for each in compared(result, base, step)]


def compared(result, base, step):
    pairs = {
        figure: paired(result.values(base, figure), result.values(step, figure))
        for figure in FIGURES
    }
    pairs = {figure: (ratios, out) for figure, (ratios, out) in pairs.items() if ratios or out}
    chances = {
        figure: sign_test(ratios) for figure, (ratios, _) in pairs.items() if interval(ratios)
    }
    primary = {PRIMARY: chances.pop(PRIMARY)} if PRIMARY in chances else {}
    chances = {**primary, **holm(chances)}
    return [
        judged(figure, step, base, ratios, left_out, chances.get(figure))
        for figure, (ratios, left_out) in pairs.items()
    ]


def paired(before, after):
    """(log-ratios of the blocks in which both have a value, number of the other blocks), of
    {block: value} each."""
    blocks = before.keys() | after.keys()
    both = [block for block in sorted(blocks) if before.get(block) and after.get(block)]
    return [log(after[block] / before[block]) for block in both], len(blocks) - len(both)


def judged(figure, step, base, ratios, left_out, p):
    """The Verdict on the log-ratios of a figure; p is None where they are too few."""
    ratio = exp(median(ratios)) if ratios else None
    low, high = interval(ratios) or (None, None)
    word = TOO_FEW if p is None else verdict(low, high, p, FIGURES[figure].less_is_better)
    low, high = (limit if limit is None else exp(limit) for limit in (low, high))
    return Verdict(figure, step, base, ratio, low, high, len(ratios), p, word, left_out)


def verdict(low, high, p, less_is_better):
    """The word for an interval of log-ratios, and a p that is corrected already."""
    if low >= -MARGIN and high <= MARGIN:
        return SAME
    if p > CHANCE or low <= 0 <= high:
        return INCONCLUSIVE
    return BETTER if (high < 0) == less_is_better else WORSE


def interval(values):
    """The narrowest pair of order statistics that hold the median with at least 95 %, the same
    number of values outside on either side; None if the values are too few for any."""
    count = len(values)
    outside = [rank for rank in range(count // 2) if 2 * tail(count, rank) <= CHANCE]
    if not outside:
        return None
    ordered = sorted(values)
    return ordered[outside[-1]], ordered[-1 - outside[-1]]


def sign_test(values):
    """The chance that so many values, or more, lie on one side of 0 if either side is as likely."""
    above = sum(value > 0 for value in values)
    below = sum(value < 0 for value in values)
    return min(1.0, 2 * tail(above + below, min(above, below)))


def tail(count, most):
    """The chance of at most so many heads among count throws of a fair coin."""
    return sum(comb(count, heads) for heads in range(most + 1)) / 2**count


def holm(chances):
    """{name: p corrected for the number of names}"""
    corrected = {}
    highest = 0.0
    for position, name in enumerate(sorted(chances, key=chances.get)):
        highest = max(highest, min(1.0, (len(chances) - position) * chances[name]))
        corrected[name] = highest
    return corrected


def pairs_needed(secondary):
    """The smallest number of pairs with which one of so many secondary figures can differ: all
    pairs must agree, and the smallest p is multiplied by the number of figures."""
    pairs = 6
    while secondary * 2 * tail(pairs, 0) > CHANCE:
        pairs += 1
    return pairs

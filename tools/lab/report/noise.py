"""How well comparisons measure: what they say of a step against itself, and of a known difference.

The table is made from the kept comparisons of a step with itself."""

import re
from statistics import median

from tools.lab.experiment.figures import FIGURES
from tools.lab.experiment.verdicts import BETTER, WORSE
from tools.lab.ground.tree import HERE
from tools.lab.report.blocks import table
from tools.lab.report.compare import numbered
from tools.lab.report.human import number

PAGE = HERE.path / "docs" / "compare.md"
TABLE = re.compile(r"(?<=<!-- noise -->\n).*(?=<!-- /noise -->)", re.DOTALL)


def page(results):
    """The text of docs/compare.md as it should be."""
    return TABLE.sub(lambda _: differences(results), PAGE.read_text())


def differences(results):
    """The table: for each figure and side, in how many comparisons it differed."""
    verdicts = [verdict for result in results for verdict in result.verdicts]
    if not verdicts:
        return "Not measured yet.\n"
    sides = dict.fromkeys((each.base, each.step) for each in verdicts)
    rows = [
        [figure.name, *(cell(verdicts, key, *side) for side in sides)]
        for key, figure in FIGURES.items()
        if any(each.figure == key for each in verdicts)
    ]
    return table(["figure that differs", *(numbered(step) for _, step in sides)], rows) + "\n"


def cell(verdicts, figure, base, step):
    """10 of 10, ratio 1.17"""
    side = (figure, base, step)
    found = [each for each in verdicts if (each.figure, each.base, each.step) == side]
    if not found:
        return ""
    differ = sum(each.verdict in (BETTER, WORSE) for each in found)
    ratios = [each.ratio for each in found if each.ratio]
    typical = f", ratio {number(median(ratios))}" if ratios else ""
    return f"{differ} of {len(found)}{typical}"

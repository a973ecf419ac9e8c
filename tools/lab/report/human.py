"""Numbers as people read them: at most three significant digits, thousands with a comma, a unit."""

import re
from math import floor, log10
from statistics import median

DIGITS = 3
SMALLEST = 2  # decimals
UNIT = re.compile(r"(?P<name>.+?),? (?P<unit>ms|s|MB)")


def number(value):
    """A number as a text: 17,400 and 226 and 12.8 and 0.43; "about 0" is 0."""
    if not value:
        return "0"
    decimals = min(SMALLEST, DIGITS - 1 - floor(log10(abs(value))))
    rounded = round(value, decimals)
    text = f"{rounded:,.{max(decimals, 0)}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def spread(values):
    """The lowest and highest of the values, or nothing where there is only one."""
    return f"{number(min(values))} to {number(max(values))}" if len(values) > 1 else ""


def middle(values, unit=""):
    """The median of the values with its unit."""
    return f"{number(median(values))} {unit}".strip()


def listed(words):
    """a, b and c"""
    *some, last = words
    return f"{', '.join(some)} and {last}" if some else last


def shown(value, unit=""):
    """A number with its unit, or nothing where there is none."""
    return "" if value is None else f"{number(value)} {unit}".strip()


def with_unit(name, values):
    """The name of a figure without its unit, and the median of its values with it."""
    found = UNIT.fullmatch(name)
    return (found["name"], middle(values, found["unit"])) if found else (name, middle(values))

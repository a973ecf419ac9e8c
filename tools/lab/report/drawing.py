"""Charts as static SVG: Vega-Lite specifications in the colours of the page, drawn without a
browser."""

import re
from functools import cache
from typing import NamedTuple

from markupsafe import Markup, escape

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
MEASURED = 14  # pixels; shown smaller, because fonts are not equally wide everywhere
SHOWN = 12
INK, SOFT, GRID, BAND, PAPER = "#1d1731", "#575067", "#e2dde9", "#e8e2f4", "#fffffe"
# dark enough for white words on them, each with a bright partner for black ones
COLOURS = {
    "#1f5fa8": "#8fbcf5",
    "#a34b07": "#f5b36b",
    "#1b743a": "#7fd69b",
    "#6d3fa8": "#c6a6f5",
    "#b3263a": "#f59aa6",
    "#0b6c7a": "#6fd3df",
    "#7a5230": "#d6b493",
    "#a8307d": "#f29fd2",
    "#5b6470": "#b8c0cc",
    "#62650a": "#d1d46a",
}
BLUE, BROWN, GREEN, VIOLET, RED, *_, GREY, _ = RANGE = list(COLOURS)
# a chart is drawn in light colours; the page's style sheet replaces each in dark mode
DARK = {
    INK: "#f1eefb",
    SOFT: "#b9b2cf",
    GRID: "#3a3450",
    BAND: "#332c4d",
    PAPER: "#171427",
    **COLOURS,
}
WORDS = {
    "labelColor": INK,
    "titleColor": SOFT,
    "labelFontSize": MEASURED,
    "titleFontSize": MEASURED,
    "titleFontWeight": "normal",
    "labelLimit": 300,
}
CONFIG = {
    "aria": False,  # the page names the chart, and its table has the numbers
    "background": None,
    "padding": 10,
    "font": FONT,
    "view": {"stroke": GRID},
    "axis": {**WORDS, "gridColor": GRID, "domainColor": SOFT, "tickColor": SOFT},
    "legend": {**WORDS, "orient": "bottom", "symbolStrokeWidth": 2, "symbolSize": 120},
    "header": {**WORDS, "labelColor": INK},
    "text": {"color": INK, "fontSize": MEASURED},
    "title": {"color": INK, "fontSize": MEASURED, "anchor": "start", "fontWeight": "bold"},
    "range": {"category": RANGE},
}


class Chart(NamedTuple):
    """A picture of numbers, and the same numbers as a table."""

    title: str
    about: str  # how to read it
    spec: dict  # of Vega-Lite, with its data
    columns: list  # of the table
    rows: list

    @property
    def is_long(self):
        return len(self.rows) > 12

    def svg(self):
        """The picture for a page, with a name for screen readers."""
        return Markup(titled(draw(self.spec), self.title))  # noqa: S704 - of the library, escaped


def draw(spec):
    import vl_convert  # here, because few commands draw

    return vl_convert.vegalite_to_svg({"$schema": SCHEMA, "config": CONFIG, **spec})


def titled(svg, title):
    name = escape(title)
    return re.sub(
        r"<svg ([^>]*)>",
        lambda found: f'<svg {found[1]} role="img" aria-label="{name}"><title>{name}</title>',
        svg,
        count=1,
    )


@cache
def style():
    """Rules for the charts of a page: the size of their words, and the dark colours in the place of
    the light ones."""
    dark = "\n".join(
        f'.chart [{what}="{light}"] {{ {what}: {dark}; }}'
        for light, dark in DARK.items()
        for what in ("fill", "stroke")
    )
    size = f".chart text {{ font-size: {SHOWN}px; }}"
    return f"{size}\n@media screen and (prefers-color-scheme: dark) {{\n{dark}\n}}"


def by_step(result, **more):
    """Colour and shape of what belongs to a step."""
    domain = {"field": "step", "type": "nominal", "title": "step", **more}
    shapes = ["circle", "square", "diamond", "triangle-up", "cross"]
    return {
        "color": {**domain, "scale": {"domain": result.steps, "range": turned(RANGE, result)}},
        "shape": {**domain, "scale": {"domain": result.steps, "range": turned(shapes, result)}},
    }


def turned(range_, result):
    """A value of the range for each step, from its beginning again where it is too short."""
    return [range_[number % len(range_)] for number in range(len(result.steps))]

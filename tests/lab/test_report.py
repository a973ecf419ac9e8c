"""The HTML report: its numbers, what it makes of hostile text, and how it behaves in a browser."""

import json
import os
import re
from html import unescape
from html.parser import HTMLParser

import pytest
from playwright.sync_api import sync_playwright

from tests.lab.results import A, broken, compared, loaded, searched
from tools.lab.experiment.result import Result
from tools.lab.ground.browser import INSTALL, find_browser
from tools.lab.report import charts, drawing, html, tables

HOSTILE = "</script></title><img src=x onerror=alert(1)> {{ 7 * 7 }} & \"'"
KINDS = ("compare", "break", "load", "rate", "hostile")
WIDTHS = (320, 1280)


class Document(HTMLParser):
    """What a page has: its elements, the text of its tables, and its headings."""

    def __init__(self, text):
        super().__init__()
        self.elements = []
        self.cells = []
        self.open = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self.open.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        if {"td", "th"} & set(self.open):
            self.cells[-1] += data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def hostile():
    """A comparison whose words, wherever a system can choose them, are markup."""
    result = compared(blocks=6)
    for run in result.runs:
        for kind, each in run.by_process.items():
            run.by_process[kind] = {HOSTILE: 1.0, **each}
        run.outcomes[HOSTILE] = 1
        run.faults = [[2.0, 6.0, HOSTILE]]
    result.runs[0].void = HOSTILE
    result.runs[1].broken = {HOSTILE: [HOSTILE]}
    result.runs[1].history = {HOSTILE: [HOSTILE]}
    result.machine = result.command = HOSTILE
    result.budgets[A][HOSTILE] = HOSTILE
    result.settings[HOSTILE] = HOSTILE
    outcome = result.drills[A]["mail-down"]
    outcome["title"] = outcome["hypothesis"] = HOSTILE
    outcome["trouble"] = [HOSTILE]
    outcome["broken"] = {HOSTILE: [HOSTILE]}
    result.drills[A][HOSTILE] = outcome
    return result


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """{kind: path of a report}"""
    folder = tmp_path_factory.mktemp("reports")
    results = {
        "compare": compared(),
        "break": broken(),
        "load": loaded(),
        "rate": searched(),
        "hostile": hostile(),
    }
    for kind, result in results.items():
        html.write(result, folder / f"{kind}.html")
    return {kind: folder / f"{kind}.html" for kind in results}


@pytest.fixture(scope="module")
def browser():
    path = find_browser()
    if path is None:
        missing = f"no Chromium here: {INSTALL}, then these tests run too"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, pages):
    """Open a report; every complaint and every request but the first is a failure."""
    contexts, complaints = [], []

    def visit(kind="compare", width=1280, **options):
        context = browser.new_context(viewport={"width": width, "height": 800}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.goto(pages[kind].as_uri())
        page.on("request", lambda request: complaints.append(request.url))
        return page

    yield visit
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_report_fetches_nothing(pages, kind):
    text = pages[kind].read_text()

    document = Document(text)
    addresses = [
        address
        for _, attributes in document.elements
        for name in ("src", "href", "xlink:href", "srcset", "data", "action")
        if (address := attributes.get(name)) and not address.startswith("#")
    ]
    assert addresses == []
    assert "url(" not in text
    assert "@import" not in text
    assert "<link" not in text
    assert [each.get("type") for each in document.all("script")] == ["application/json"]


@pytest.mark.parametrize("make", [compared, broken, loaded, searched])
def test_every_chart_has_a_table_with_its_numbers(make):
    result = make()
    document = Document(html.page(result))
    charts = [*html.cost_charts(result), *(chart for *_, chart in html.drills(result) if chart)]

    assert len(document.all("svg")) == len(charts)
    for chart in charts:
        shown = {tables.shown(cell) for row in chart.rows for cell in row}
        numbers = {tables.shown(value) for value in drawn(chart.spec)}
        assert numbers
        assert numbers <= shown, chart.title
        assert shown <= set(document.cells), chart.title


def drawn(spec):
    """The measured numbers in the data of a specification."""
    if isinstance(spec, list):
        return [number for each in spec for number in drawn(each)]
    if not isinstance(spec, dict):
        return []
    measured = ("ratio", "low", "high", "value", "count", "p95")
    own = [
        each[name]
        for each in spec.get("data", {}).get("values", [])
        for name in measured
        if each.get(name)
    ]
    return own + [number for key, each in spec.items() if key != "data" for number in drawn(each)]


def test_a_chart_has_a_name_for_screen_readers_and_axes_with_units():
    page = html.page(compared())

    names = [each["aria-label"] for each in Document(page).all("svg")]
    assert len(names) == len(set(names)) == page.count("<title>") - 1
    for title in ("CPU time of a request, ms", "latency at most, ms", "Memory, MB, mean of the"):
        assert f">{title}" in page


def test_each_verdict_is_a_sign_and_a_word():
    result = compared()
    for word, verdict in zip(charts.SIGNS, result.verdicts, strict=False):
        verdict.verdict = word

    page = html.page(result)

    signs = [sign for _, sign, _ in charts.SIGNS.values()]
    assert len(set(signs)) == len(signs) == 5
    for word, sign in zip(charts.SIGNS, signs, strict=True):
        assert f"{sign} {word}: " in page
        assert f">{word}: " in page


def test_hostile_text_stays_text(pages):
    text = pages["hostile"].read_text()

    document = Document(text)
    assert document.all("img") == []
    assert "onerror=alert(1)>" not in re.sub(r'<script type="application/json".*', "", text)
    assert "49" not in {cell.strip() for cell in document.cells}
    assert HOSTILE in unescape(text)


def test_the_result_can_be_read_from_its_report(pages):
    text = pages["compare"].read_text()

    found = re.search(r'<script type="application/json" id="result">(.*?)</script>', text)

    assert Result.from_dict(json.loads(found[1])) == compared()


def test_sections_without_data_are_left_out(pages):
    sections = {
        kind: re.findall(r'<h2 id="(\w+)"', pages[kind].read_text())
        for kind in ("break", "load", "rate")
    }

    assert sections == {
        "break": ["buys", "drills", "reading"],
        "load": ["costs", "runs", "reading"],
        "rate": ["costs", "others", "reading"],
    }


def test_a_broken_run_shows_what_was_lost_and_its_messages():
    result = compared(blocks=6)
    result.runs[3].broken = {"bookings are kept": ["booking 5 is gone"]}
    result.runs[3].history = {"5": ["booking.requested", "booking.confirmed"]}

    page = html.page(result)

    assert "1 of 12 runs broke a promise." in page
    assert "bookings are kept: booking 5 is gone" in page
    assert "booking.requested\nbooking.confirmed" in page


@pytest.mark.parametrize("foreground", [drawing.INK, drawing.SOFT, *drawing.COLOURS])
def test_colours_of_charts_stand_out_in_light_and_dark(foreground):
    dark = drawing.DARK

    # on paper, and paper on them
    assert contrast(foreground, drawing.PAPER) >= 4.5
    assert contrast(dark[foreground], dark[drawing.PAPER]) >= 4.5


def contrast(one, other):
    """As WCAG 2.2 defines it."""
    lighter, darker = sorted(map(luminance, (one, other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour):
    shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_page_is_never_wider_than_its_window(visit, kind, width):
    page = visit(kind, width=width)

    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true })")

    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_tab_key_reaches_every_table_and_every_fold(visit):
    page = visit(width=320)
    wanted = page.locator(".scroll:visible, summary:visible").count()

    reached = set()
    for _ in range(wanted + page.locator("a").count() + 1):
        page.keyboard.press("Tab")
        name = page.evaluate(
            "(document.activeElement.getAttribute('aria-label') ?? "
            "document.activeElement.matches('summary')) && "
            "[...document.querySelectorAll('.scroll, summary')].indexOf(document.activeElement)"
        )
        if name is not False:
            reached.add(name)

    assert len(reached) == wanted


def test_dark_mode_has_other_colours_on_paper_and_in_charts(visit):
    colours = {}
    for scheme in ("light", "dark"):
        page = visit(color_scheme=scheme)
        colours[scheme] = (
            page.evaluate("getComputedStyle(document.body).backgroundColor"),
            page.evaluate("getComputedStyle(document.querySelector('.chart svg text')).fill"),
        )

    for light, dark in zip(colours["light"], colours["dark"], strict=True):
        assert light != dark


def test_a_print_shows_every_table_in_light(visit):
    page = visit(color_scheme="dark")
    folded = page.locator("details table").first
    assert not folded.is_visible()

    page.emulate_media(media="print")

    assert folded.bounding_box()["height"] > 0
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == "rgb(255, 255, 255)"


@pytest.mark.parametrize("kind", KINDS)
def test_every_link_leads_to_a_place_on_the_page(pages, kind):
    document = Document(pages[kind].read_text())

    places = {attributes.get("id") for _, attributes in document.elements}
    assert {each["href"].removeprefix("#") for each in document.all("a")} <= places


def test_headings_leave_out_no_level(pages):
    for path in pages.values():
        levels = [int(each) for each in re.findall(r"<h([1-6])", path.read_text())]
        steps = [after - before for before, after in zip(levels, levels[1:], strict=False)]
        assert levels[0] == 1
        assert max(steps) <= 1

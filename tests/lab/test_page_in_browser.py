"""The lab in a real browser, over this checkout's system."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.lab.shop.conftest import browser  # noqa: F401
from tests.lab.shop.test_contrast import FAINT
from tests.lab.test_trace import book
from tools.lab.ground.tree import HERE
from tools.lab.page.beside import address_of, served
from tools.lab.testing.visitor import PHONE

WIDE = {"viewport": {"width": 1280, "height": 900}}
WIDTH = "document.documentElement.scrollWidth"
LATE = 20_000  # milliseconds


@pytest.fixture(scope="module")
def address(shared_encore):
    with served(HERE, shared_encore.system.state):
        yield address_of(shared_encore.system.state)


@pytest.fixture
def watch(browser, address):  # noqa: F811
    """Open the page in a window of its own; every complaint of the browser's is a failure."""
    contexts, complaints = [], []

    def watch(**options):
        contexts.append(browser.new_context(**{**WIDE, **options}))
        page = contexts[-1].new_page()
        page.set_default_timeout(LATE)
        page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address)
        expect(box(page, "web")).to_have_attribute("data-state", "running", timeout=LATE)
        return page

    yield watch
    for context in contexts:
        context.close()
    assert complaints == []


def box(page, name):
    return page.locator(f'button.box[data-name="{name}"]')


def open_panel(page, name):
    box(page, name).click()
    return page.locator("#panel")


def stop(page, name):
    """Stop a process on the page; answers its panel."""
    panel = open_panel(page, name)
    panel.get_by_role("button", name="Stop").click()
    expect(panel.get_by_role("button", name="Start")).to_be_visible(timeout=LATE)
    return panel


def test_there_is_a_box_for_every_process_and_topic(watch):
    page = watch()

    names = page.locator(".box").evaluate_all("all => all.map(each => each.dataset.name)")

    assert {*HERE.processes(), "kafka", "mail", "payments-sandbox"} <= set(names)
    assert {f"topic {name}" for name in HERE.topics} <= set(names)


def test_a_process_that_is_killed_is_seen_to_come_back(watch):
    page = watch()

    open_panel(page, "recommendations-worker").get_by_role("button", name="Kill").click()

    it = box(page, "recommendations-worker")
    expect(it).to_have_attribute("data-state", "restarting", timeout=LATE)
    expect(it).to_have_attribute("data-state", "running", timeout=LATE)


def test_a_process_is_hung_and_resumed(watch):
    page = watch()
    panel = open_panel(page, "recommendations-worker")

    panel.get_by_role("button", name="Hang").click()
    expect(box(page, "recommendations-worker")).to_have_attribute("data-state", "halted")

    panel.get_by_role("button", name="Resume").click()
    expect(box(page, "recommendations-worker")).to_have_attribute("data-state", "running")


def test_a_booking_waits_for_a_stopped_process_and_goes_on_once_it_runs(watch, shared_encore):
    page = watch()
    panel = stop(page, "notifications-worker")

    id = book(shared_encore.system.to_run())
    booking = page.locator(f'.booking[data-id="{id}"]')
    waits = booking.locator(".chip.waits", has_text="notifications-worker (stopped)")
    expect(waits.first).to_be_visible(timeout=LATE)
    expect(booking.locator(".status")).to_have_text("confirmed")

    panel.get_by_role("button", name="Start").click()
    mailed = booking.locator(".chip.done", has_text="notifications-worker, mail sent")
    expect(mailed).to_be_visible(timeout=LATE)
    expect(waits).to_have_count(0)
    page.keyboard.press("Escape")
    booking.get_by_role("button", name="Trace of").click()
    expect(page.locator("#trace-text")).to_contain_text("POST /api/bookings", timeout=LATE)
    expect(page.locator("#trace-text")).to_contain_text("notifications booking.confirmed")


TWICE = """async () => {
  const { Bookings } = await import("./bookings.js");
  const list = new Bookings({ topics: ["bookings"] }, () => {});
  const message = (type) => ({ type, topic: "bookings", recorded: 1, done: [], waits: [] });
  const show = (...types) => {
    const booking = { id: "cafe", began: 0, messages: types.map(message) };
    list.show({ bookings: [booking], processes: {}, at: 0 });
  };
  show("later");
  show("earlier", "later");
  const lines = document.querySelectorAll('.booking[data-id="cafe"] code');
  return [...lines].map((line) => line.textContent);
}"""


def test_a_message_may_come_before_an_earlier_one(watch):
    assert watch().evaluate(TWICE) == ["earlier", "later"]


def test_a_message_waits_in_the_outbox_for_a_stopped_relay(watch, shared_encore):
    page = watch()
    panel = stop(page, "bookings-relay")

    id = book(shared_encore.system.to_run())

    booking = page.locator(f'.booking[data-id="{id}"]')
    outbox = "waits in the outbox for bookings-relay (stopped)"
    expect(booking.locator(".chip.waits")).to_contain_text(outbox, timeout=LATE)
    expect(box(page, "postgres-bookings")).to_contain_text("1 waiting")
    panel.get_by_role("button", name="Start").click()
    expect(booking.locator(".status")).to_have_text("confirmed", timeout=LATE)


def test_the_payment_provider_refuses_until_it_is_healed(watch, shared_encore):
    page = watch()
    panel = open_panel(page, "payments-sandbox")

    panel.get_by_role("button", name="Refuses").click()
    expect(box(page, "payments-sandbox")).to_contain_text("refuses", timeout=LATE)

    panel.get_by_role("button", name="Answers").click()
    expect(box(page, "payments-sandbox")).to_contain_text("payment provider", timeout=LATE)


def test_visitors_come_and_go(watch):
    page = watch()

    page.get_by_label("Requests a second").fill("2")
    page.get_by_role("button", name="Let in").click()
    expect(page.locator(".visitors")).to_contain_text("2 requests a second", timeout=LATE)
    expect(box(page, "facade")).to_contain_text(re.compile(r"p95 \d+ ms"), timeout=LATE)

    page.locator(".visitors").get_by_role("button", name="Stop").click()
    expect(page.locator(".visitors")).to_contain_text("nobody comes", timeout=LATE)


def test_everything_can_be_done_with_the_keyboard(watch):
    page = watch()
    reached = []
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.dataset.name"))

    assert set(HERE.processes()) <= set(reached)
    box(page, "web").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#panel").get_by_role("button", name="Stop")).to_be_focused()
    page.keyboard.press("Escape")
    expect(box(page, "web")).to_be_focused()


def test_a_phone_scrolls_in_one_direction_only(watch, shared_encore):
    book(shared_encore.system.to_run())
    page = watch(**PHONE)
    expect(page.locator(".chip").first).to_be_visible(timeout=LATE)

    assert page.evaluate(WIDTH) <= 390
    panel = open_panel(page, "recommendations-worker").bounding_box()
    assert panel["x"] >= 0
    assert panel["x"] + panel["width"] <= 390


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_stands_out_in_light_and_dark(watch, shared_encore, scheme):
    id = book(shared_encore.system.to_run())
    page = watch(color_scheme=scheme)
    booking = page.locator(f'.booking[data-id="{id}"]')
    expect(booking.locator(".chip.done").first).to_be_visible(timeout=LATE)

    faint = page.evaluate(FAINT)
    open_panel(page, "mail")
    faint += page.evaluate(FAINT)

    assert faint == []


def test_who_wants_no_motion_sees_no_dots(watch, shared_encore):
    page = watch(reduced_motion="reduce")
    id = book(shared_encore.system.to_run())
    expect(page.locator(f'.booking[data-id="{id}"] .chip').first).to_be_visible(timeout=LATE)

    moves = page.evaluate("document.getAnimations().length")

    assert json.dumps(moves) == "0"

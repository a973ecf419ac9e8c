"""Whether the pages fit a phone and can be used by touch and with the keyboard."""

import re

import pytest
from playwright.sync_api import expect

from tools.lab.testing.visitor import PHONE, buy, hold_seats, pick, sign_in

WIDTH = "document.documentElement.scrollWidth"


@pytest.mark.parametrize("path", ["/", "/sign-up", "/events/{id}"])
def test_nothing_is_wider_than_a_phone(visit, event, path):
    page = visit(path.format(id=event["id"]), viewport={"width": 360, "height": 740})
    expect(page.locator("h1")).to_be_visible()

    assert page.evaluate(WIDTH) <= 360


def test_a_hold_and_bookings_are_not_wider_than_a_phone(visit, event, someone):
    page = visit(viewport={"width": 360, "height": 740})
    sign_in(page, someone("wim"))
    hold_seats(page, event)
    assert page.evaluate(WIDTH) <= 360
    buy(page)

    page.goto("/#/bookings")
    expect(page.locator(".booking").first).to_be_visible()

    assert page.evaluate(WIDTH) <= 360


OVERLAPS = """(selector) => {
  const box = document.querySelector(selector).getBoundingClientRect();
  return [...document.querySelectorAll(".card, .ticket")].filter((each) => {
    const other = each.getBoundingClientRect();
    return box.height && box.top < other.bottom && other.top < box.bottom;
  }).length;
}"""


@pytest.mark.parametrize(("options", "least"), [(PHONE, 44), ({}, 24)])
def test_seats_are_large_enough_to_hit(visit, event, options, least):
    page = visit(f"/events/{event['id']}", **options)
    expect(page.locator("button.seat").first).to_be_visible()

    sizes = page.locator("button.seat").evaluate_all(
        "all => all.map(each => each.getBoundingClientRect()).map(b => [b.width, b.height])"
    )

    assert min(min(size) for size in sizes) >= least


def test_a_plan_wider_than_a_phone_says_that_it_scrolls(visit, event):
    page = visit(f"/events/{event['id']}", **PHONE)
    expect(page.locator("button.seat").first).to_be_visible()
    last = page.locator(".row").first.locator("button.seat").last

    last.scroll_into_view_if_needed()

    expect(page.locator(".hint").first).to_be_visible()
    expect(last).to_be_in_viewport()


def test_words_cover_no_card_on_a_phone(visit, event, someone):
    page = visit(**PHONE)
    sign_in(page, someone("paula"))
    expect(page.locator("#said")).to_have_text("Good to see you, Paula.")
    expect(page.locator(".ticket").first).to_be_visible()
    assert page.evaluate(OVERLAPS, "#said") == 0
    page.goto(f"/#/events/{event['id']}")

    pick(page, 8)
    page.locator("button.seat.free").first.click()

    note = page.get_by_text("8 seats at most.")
    expect(note).to_be_in_viewport()
    assert page.evaluate(OVERLAPS, ".note:not(:empty)") == 0


def test_the_hold_stands_before_the_plan_on_a_phone(visit, event, someone):
    page = visit(**PHONE)
    sign_in(page, someone("pia"))
    hold_seats(page, event)

    page.reload()

    expect(page.get_by_role("timer")).to_be_in_viewport()


def test_a_seat_tells_its_place_price_and_state(visit, event):
    page = visit(f"/events/{event['id']}")

    seat = page.locator("button.seat.free").first

    expect(seat).to_have_attribute(
        "aria-label", re.compile(r"^[^,]+, row \w+, seat \d+, \D*\d+\.\d\d\D*, free$")
    )


def test_the_seat_with_the_focus_is_seen(visit, event):
    page = visit(f"/events/{event['id']}")
    page.locator("button.seat[tabindex='0']").focus()

    page.keyboard.press("ArrowRight")

    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


# The contrast of each text with the colour behind it, where that is one colour: WCAG 2.2, 1.4.3.

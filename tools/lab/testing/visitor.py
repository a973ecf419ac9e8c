"""What a visitor of the shop's pages does in a browser, for the tests of the pages."""

import re

from playwright.sync_api import expect

PASSWORD = "correct horse"  # noqa: S105 - of accounts that a test makes
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
}


def sign_in(page, email, password=PASSWORD):
    page.goto("/#/sign-in")
    enter(page, email, password)


def enter(page, email, password):
    """Fill in and send the form for signing in that the page shows."""
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def pick(page, count):
    seats = page.locator("button.seat.free")
    expect(seats.first).to_be_visible()
    for _ in range(count):
        seats.first.click()


def hold_seats(page, event, count=1):
    """Hold seats of the event; answer their ids."""
    page.goto(f"/#/events/{event['id']}")
    pick(page, count)
    page.get_by_role("button", name="Hold these seats").click()
    expect(page.get_by_role("timer")).to_be_visible()
    return own_seats(page)


def own_seats(page):
    """The ids of the seats that the plan shows as held by the visitor's account."""
    return page.locator("button.seat.own").evaluate_all("all => all.map(each => each.dataset.id)")


def pay(page):
    page.get_by_role("button", name=re.compile("^Pay ")).click()


def buy(page):
    """Pay for what is held, and wait until it is confirmed."""
    pay(page)
    expect(page.get_by_text("Confirmed", exact=True)).to_be_visible()

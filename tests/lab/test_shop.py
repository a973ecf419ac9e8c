"""The shop in a real browser: what a visitor can do, and what they are told."""

import os
import re

import pytest
from playwright.sync_api import expect, sync_playwright

from tools.lab.ground.browser import INSTALL, find_browser

QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PASSWORD = "correct horse"
REFRESHED_AFTER = 6_000  # milliseconds: more than web/event.js lets pass


@pytest.fixture(scope="module")
def browser():
    path = find_browser()
    if path is None:
        missing = f"no Chromium here: {INSTALL}, then these tests run too"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, shared_encore):
    """Open the shop in a window of its own; every complaint of the browser's is a failure."""
    contexts, complaints = [], []

    def visit(path="/", **options):
        context = browser.new_context(base_url=shared_encore.url, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on(
            "console",
            lambda said: (
                complaints.append(said.text)
                if said.type == "error"
                and "the server responded with a status of 4" not in said.text
                else None
            ),
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"/#{path}")
        return page

    yield visit
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def event(shared_encore):
    return shared_encore.request("GET", "/api/events").json["items"][0]


@pytest.fixture
def someone(shared_encore):
    """Make an account; answer its address."""
    made = iter(range(1000))

    def someone(name):
        email = f"{name}.{next(made)}@shop.example"
        assert (
            shared_encore.request(
                "POST",
                "/api/accounts",
                json={"email": email, "password": PASSWORD, "name": name.title()},
            ).status
            == 201
        )
        return email

    return someone


def sign_in(page, email):
    page.goto("/#/sign-in")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def pick(page, count):
    seats = page.locator("button.seat.free")
    expect(seats.first).to_be_visible()
    return [seats.first.click() for _ in range(count)]


def test_a_visitor_searches_joins_picks_pays_and_gets_the_mail(
    visit, shared_encore, event, eventually
):
    page = visit()
    page.get_by_label("Title or artist").fill(event["artist"])
    page.get_by_role("button", name="Search").click()
    page.locator(f"a[href='#/events/{event['id']}']").click()
    pick(page, 2)
    page.get_by_role("button", name="Sign in to hold these seats").click()
    page.get_by_role("main").get_by_role("link", name="Make an account").click()
    page.get_by_label("Name").fill("Vera")
    page.get_by_label("E-mail").fill("vera@shop.example")
    page.get_by_label("Password").fill(PASSWORD)

    page.get_by_role("button", name="Make my account").click()
    page.get_by_role("button", name="Hold these seats").click()
    expect(page.get_by_role("timer")).to_have_text(re.compile(r"^\d+:\d\d$"))
    page.get_by_role("button", name=re.compile("^Pay ")).click()

    expect(page.get_by_text("Confirmed", exact=True)).to_be_visible()
    wanted = sorted(["Welcome to Encore", f"Your tickets for {event['title']}"])
    eventually(
        lambda: (
            sorted(mail["subject"] for mail in shared_encore.mails(to="vera@shop.example"))
            == wanted
        )
    )
    page.get_by_role("main").get_by_role("link", name="My bookings").click()
    expect(page.locator(".booking .status")).to_have_text("confirmed")


def test_a_refused_card_is_said_in_words_and_one_can_pick_again(visit, event, someone):
    page = visit()
    sign_in(page, someone("rita"))
    page.goto(f"/#/events/{event['id']}")
    pick(page, 1)
    page.get_by_role("button", name="Hold these seats").click()

    page.get_by_label("Visa that will be refused").check()
    page.get_by_role("button", name=re.compile("^Pay ")).click()

    expect(page.get_by_role("heading", name="The card was refused")).to_be_visible()
    page.get_by_role("button", name="Pick again").click()
    expect(page.get_by_role("button", name="Hold these seats")).to_be_visible()


def test_a_seat_that_somebody_else_has_got_is_named_and_the_others_stay_picked(
    visit, event, someone, shared_encore
):
    page = visit()
    sign_in(page, someone("rosa"))
    page.goto(f"/#/events/{event['id']}")
    page.clock.install()
    pick(page, 2)
    first = page.locator("button.seat.picked").first
    rival = shared_encore.sign_in(someone("rival"), PASSWORD)
    assert (
        rival.request(
            "POST",
            f"/api/events/{event['id']}/holds",
            json={"seats": [first.get_attribute("data-id")]},
        ).status
        == 201
    )

    page.get_by_role("button", name="Hold these seats").click()

    expect(page.get_by_role("alert")).to_contain_text("is taken")
    expect(page.locator("button.seat.taken")).to_have_count(1)
    expect(page.locator("button.seat.picked")).to_have_count(1)


def test_the_plan_shows_what_others_do_while_one_looks(visit, event, someone, shared_encore):
    page = visit()
    page.clock.install()
    page.goto(f"/#/events/{event['id']}")
    seat = page.locator("button.seat.free").last
    id = seat.get_attribute("data-id")
    rival = shared_encore.sign_in(someone("rival"), PASSWORD)

    assert (
        rival.request("POST", f"/api/events/{event['id']}/holds", json={"seats": [id]}).status
        == 201
    )
    page.clock.fast_forward(REFRESHED_AFTER)

    expect(page.locator(f"button[data-id='{id}']")).to_have_class(re.compile("held"))


def test_a_seat_is_bought_with_the_keyboard_alone(visit, event, someone):
    page = visit()
    sign_in(page, someone("kim"))
    page.goto(f"/#/events/{event['id']}")
    page.locator("button.seat[tabindex='0']").focus()

    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    while "free" not in page.evaluate("document.activeElement.className"):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    expect(page.locator("button.seat.picked")).to_have_count(1)
    while page.evaluate("document.activeElement.textContent") != "Hold these seats":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("timer")).to_be_visible()
    while not page.evaluate("document.activeElement.textContent").startswith("Pay "):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(page.get_by_text("Confirmed", exact=True)).to_be_visible()


def test_a_booking_is_cancelled_after_asking_and_its_payments_are_shown(visit, event, someone):
    page = visit()
    sign_in(page, someone("carl"))
    page.goto(f"/#/events/{event['id']}")
    pick(page, 1)
    page.get_by_role("button", name="Hold these seats").click()
    page.get_by_role("button", name=re.compile("^Pay ")).click()
    expect(page.get_by_text("Confirmed", exact=True)).to_be_visible()
    page.goto("/#/bookings")

    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Yes, cancel").click()

    expect(page.locator(".booking .status")).to_have_text("cancelled")
    page.get_by_text("Payments").click()
    expect(page.locator(".booking .lines li")).to_have_text(
        [re.compile("charge, succeeded"), re.compile("refund, succeeded")]
    )


def test_wrong_fields_are_named_beside_them_and_wrong_credentials_in_words(visit):
    page = visit("/sign-up")
    page.get_by_label("E-mail").fill("not an address")
    page.get_by_label("Password").fill("short")
    page.get_by_role("button", name="Make my account").click()

    expect(page.locator("#field-email-wrong")).to_have_text("This is not an e-mail address.")
    expect(page.locator("#field-password-wrong")).to_contain_text("8 to 128")

    page.goto("/#/sign-in")
    page.get_by_label("E-mail").fill("nobody@shop.example")
    page.get_by_label("Password").fill("wrong horse")
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("is wrong")


def test_recommendations_say_why(visit):
    page = visit("/sign-in")
    page.get_by_label("E-mail").fill("fan@encore.example")
    page.get_by_label("Password").fill("fan-of-encore")
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="For you").click()

    expect(page.get_by_role("heading", name="For you")).to_be_visible()
    expect(page.locator(".because").first).to_have_text(
        re.compile("because you booked|others love it")
    )


def test_an_organiser_adds_a_concert(visit):
    page = visit("/sign-in?next=/organise")
    page.get_by_label("E-mail").fill("organiser@encore.example")
    page.get_by_label("Password").fill("organiser-of-encore")
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    page.get_by_label("Title").fill("Browser Night")
    page.get_by_label("Artist").fill("The Headless")
    page.get_by_label("Starts at").fill("2099-06-01T19:30")
    page.locator("fieldset input").first.fill("19.90")
    page.get_by_role("button", name="Add it").click()

    expect(page.get_by_role("heading", name="Browser Night")).to_be_visible()


@pytest.mark.parametrize("path", ["/", "/sign-up", "/events/{id}"])
def test_nothing_is_wider_than_a_phone(visit, event, path):
    page = visit(path.format(id=event["id"]), viewport={"width": 360, "height": 740})
    expect(page.locator("h1")).to_be_visible()

    assert page.evaluate("document.documentElement.scrollWidth") <= 360

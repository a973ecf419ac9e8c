"""What a visitor of the shop can do, and what they are told."""

import re

from playwright.sync_api import expect

from tools.lab.testing.visitor import PASSWORD, buy, enter, pay, pick, sign_in

REFRESHED_AFTER = 6_000  # milliseconds: more than web/event.js lets pass


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
    pay(page)

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
    pay(page)

    expect(page.get_by_role("heading", name="The payment failed")).to_be_visible()
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
    buy(page)
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
    enter(page, "fan@encore.example", "fan-of-encore")
    page.get_by_role("link", name="For you").click()

    expect(page.get_by_role("heading", name="For you")).to_be_visible()
    expect(page.locator(".because").first).to_have_text(
        re.compile("because you booked|others love it")
    )


def test_an_organiser_adds_a_concert(visit):
    page = visit("/sign-in?next=/organise")
    enter(page, "organiser@encore.example", "organiser-of-encore")
    page.get_by_label("Title").fill("Browser Night")
    page.get_by_label("Artist").fill("The Headless")
    page.get_by_label("Starts at").fill("2099-06-01T19:30")
    page.locator("fieldset input").first.fill("19.90")
    page.get_by_role("button", name="Add it").click()

    expect(page.get_by_role("heading", name="Browser Night")).to_be_visible()

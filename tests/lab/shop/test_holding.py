"""Holds that last beyond a reload, and payments whose answer is lost."""

import re

from playwright.sync_api import expect

from tools.lab.testing.visitor import PASSWORD, buy, enter, hold_seats, own_seats, pay, sign_in


def lose_the_answer(route):
    """Let a request reach the shop, and answer as the facade does where no answer came."""
    route.fetch()
    route.fulfill(
        status=502,
        content_type="application/problem+json",
        json={"type": "outcome-unknown", "status": 502, "detail": "Nobody knows <b>yet</b>."},
    )


def keys_of(requests):
    return [each.headers["idempotency-key"] for each in requests]


def test_a_reload_shows_the_hold_with_its_time_and_its_seats(visit, event, someone):
    page = visit()
    sign_in(page, someone("hanna"))
    held = hold_seats(page, event, 2)

    page.reload()

    expect(page.get_by_role("timer")).to_have_text(re.compile(r"^\d+:\d\d$"))
    assert own_seats(page) == held
    expect(page.locator("button.seat.own").first).to_have_attribute(
        "aria-label", re.compile("held for you$")
    )
    buy(page)


def test_a_hold_is_given_back_after_a_reload(visit, event, someone):
    page = visit()
    sign_in(page, someone("gesa"))
    [held] = hold_seats(page, event)

    page.reload()
    page.get_by_role("button", name="Give them back").click()

    expect(page.get_by_text("Your seats were given back.")).to_be_visible()
    expect(page.locator(f"button[data-id='{held}']")).to_have_class(re.compile("free"))
    page.reload()
    expect(page.locator("button.seat.free").first).to_be_visible()
    expect(page.get_by_role("timer")).to_have_count(0)


def test_another_window_sees_a_hold_come_and_go(visit, event, someone):
    page = visit()
    sign_in(page, someone("wanda"))
    other = page.context.new_page()
    other.goto(f"/#/events/{event['id']}")
    expect(other.locator("button.seat.free").first).to_be_visible()

    held = hold_seats(page, event)
    expect(other.get_by_role("timer")).to_be_visible()
    assert own_seats(other) == held
    pay(page)

    expect(other.get_by_text("paid for or given back")).to_be_visible()
    expect(other.get_by_role("timer")).to_have_count(0)


def test_a_hold_that_ran_out_is_forgotten(visit, event, someone):
    page = visit()
    sign_in(page, someone("otto"))
    page.clock.install()
    hold_seats(page, event)

    page.clock.fast_forward(3_600_000)
    expect(page.get_by_text("Your hold has run out")).to_be_visible()
    page.reload()

    expect(page.get_by_text("Pick up to eight seats")).to_be_visible()
    assert own_seats(page) == []


def test_a_hold_that_the_shop_no_longer_has_is_forgotten(visit, event, someone):
    page = visit()
    sign_in(page, someone("lotte"))
    hold_seats(page, event)
    made = page.evaluate("JSON.parse(Object.values({...localStorage})[0]).id")
    page.evaluate("(id) => fetch(`/api/holds/${id}`, {method: 'DELETE'})", made)

    pay(page)

    expect(page.get_by_role("alert")).to_contain_text("There is no such hold.")
    page.reload()
    expect(page.get_by_text("Pick up to eight seats")).to_be_visible()


def test_signing_out_forgets_holds(visit, event, someone):
    page = visit()
    email = someone("sina")
    sign_in(page, email)
    hold_seats(page, event)

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    sign_in(page, email)
    page.goto(f"/#/events/{event['id']}")

    expect(page.get_by_text("Pick up to eight seats")).to_be_visible()
    expect(page.locator("button.seat.held").first).to_be_visible()
    assert own_seats(page) == []


def test_a_hold_is_not_shown_to_another_account(visit, event, someone):
    page = visit()
    sign_in(page, someone("anna"))
    hold_seats(page, event)

    page.context.clear_cookies()
    page.reload()
    sign_in(page, someone("bert"))
    page.goto(f"/#/events/{event['id']}")

    expect(page.get_by_text("Pick up to eight seats")).to_be_visible()
    expect(page.locator("button.seat.held").first).to_be_visible()
    assert own_seats(page) == []


def test_a_payment_without_an_answer_is_repeated_with_its_key(visit, event, someone):
    page = visit()
    sign_in(page, someone("uwe"))
    hold_seats(page, event)
    sent = []
    page.on("request", lambda each: each.url.endswith("/api/bookings") and sent.append(each))
    page.route("**/api/bookings", lose_the_answer)

    pay(page)
    expect(page.get_by_role("alert")).to_have_text("Nobody knows <b>yet</b>.")
    page.reload()
    expect(page.get_by_role("heading", name="We do not know yet")).to_be_visible()
    page.unroute("**/api/bookings")
    page.get_by_role("button", name="Ask again").click()

    expect(page.get_by_text("Confirmed", exact=True)).to_be_visible()
    first, second = keys_of(sent)
    assert first == second
    page.goto("/#/bookings")
    expect(page.locator(".booking")).to_have_count(1)


def test_after_a_503_one_can_pay_again(visit, event, someone):
    page = visit()
    sign_in(page, someone("vito"))
    hold_seats(page, event)
    away = {"type": "unavailable", "status": 503, "detail": "Payment is away."}
    page.route(
        "**/api/bookings",
        lambda route: route.fulfill(status=503, content_type="application/problem+json", json=away),
        times=1,
    )

    pay(page)
    expect(page.get_by_role("alert")).to_contain_text("Payment is away. (Try again in about")
    page.reload()
    pay(page)

    expect(page.get_by_text("Confirmed", exact=True)).to_be_visible()


def test_a_hold_is_there_again_after_the_session_was_lost(visit, event, someone):
    page = visit()
    email = someone("sven")
    sign_in(page, email)
    held = hold_seats(page, event)
    page.context.clear_cookies()

    pay(page)
    page.get_by_role("alert").get_by_role("link", name="Sign in").click()
    enter(page, email, PASSWORD)

    expect(page.get_by_role("timer")).to_be_visible()
    assert own_seats(page) == held

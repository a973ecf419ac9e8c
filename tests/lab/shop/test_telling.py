"""What the pages tell of seats, bookings and times."""

import pytest
from playwright.sync_api import expect

from tools.lab.testing.visitor import PASSWORD, buy, enter, hold_seats, pay, sign_in


def test_bookings_name_their_seats_and_their_id_and_the_mail_agrees(
    visit, event, someone, shared_encore, eventually
):
    email = someone("nina")
    page = visit(timezone_id="Asia/Tokyo", locale="de-DE")
    sign_in(page, email)
    hold_seats(page, event, 2)
    buy(page)
    subject = f"Your tickets for {event['title']}"
    [text] = eventually(
        lambda: [
            mail["text"] for mail in shared_encore.mails(to=email) if mail["subject"] == subject
        ]
    )

    page.goto("/#/bookings")

    customer = shared_encore.sign_in(email, PASSWORD)
    [booking] = customer.request("GET", "/api/bookings").json["items"]
    expect(page.locator(".booking code")).to_have_text(booking["id"])
    lines = text.splitlines()
    places = page.locator(".booking .places li").all_inner_texts()
    assert len(places) == 2
    assert [line for line in lines if "row" in line] == places
    written = page.locator(".booking time").inner_text().split(" ", 1)[1]
    assert written.endswith(" UTC")
    assert [line for line in lines if line.endswith(written)]


@pytest.mark.parametrize("path", ["/?q={artist}", "/events/{id}"])
def test_a_time_is_the_same_for_readers_everywhere(visit, event, path):
    shown = set()

    for zone in ("Asia/Tokyo", "America/Los_Angeles"):
        page = visit(path.format(**event), timezone_id=zone)
        shown.add(page.locator("time").first.inner_text())

    [written] = shown
    assert f"{event['starts_at'][11:16]} UTC" in written


def test_an_organiser_far_away_gives_a_time_in_utc(visit, shared_encore):
    page = visit("/sign-in?next=/organise", timezone_id="Asia/Tokyo")
    enter(page, "organiser@encore.example", "organiser-of-encore")
    page.get_by_label("Title").fill("Far Night")
    page.get_by_label("Artist").fill("The <b>Distant</b>")
    page.get_by_label("Starts at (UTC)").fill("2099-06-02T19:30")
    page.locator("fieldset input").first.fill("19.90")

    page.get_by_role("button", name="Add it").click()

    expect(page.locator("time")).to_have_text("Tue 02 June 2099, 19:30 UTC")
    expect(page.locator(".artist")).to_have_text("The <b>Distant</b>")


def answered_with(status):
    """Let a request reach the shop, and answer with the booking in another status: as the steps do
    where payments are a service."""

    def answer(route):
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "status": status})

    return answer


def test_a_pending_booking_is_named_until_it_is_confirmed(visit, event, someone):
    page = visit()
    sign_in(page, someone("petra"))
    hold_seats(page, event)
    page.route("**/api/bookings", answered_with("pending"))
    page.route("**/api/bookings/*", answered_with("pending"))
    pay(page)
    expect(page.get_by_text("wait for the payment")).to_be_visible()
    named = page.locator(".panel code").inner_text()

    page.unroute("**/api/bookings/*")

    expect(page.get_by_text("Confirmed", exact=True)).to_be_visible()
    assert page.locator(".panel code").inner_text() == named


def test_a_booking_that_is_being_cancelled_is_followed_to_its_end(visit, event, someone):
    page = visit()
    sign_in(page, someone("cora"))
    hold_seats(page, event)
    buy(page)
    page.goto("/#/bookings")
    page.route("**/cancellation", answered_with("cancelling"))
    page.route("**/api/bookings/*", answered_with("cancelling"))
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Yes, cancel").click()
    expect(page.locator(".booking .status")).to_have_text("being cancelled")

    page.unroute("**/api/bookings/*")

    expect(page.locator(".booking .status")).to_have_text("cancelled")

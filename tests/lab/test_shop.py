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
                if said.type == "error" and "the server responded with a status of" not in said.text
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
    page.get_by_role("button", name=re.compile("^Pay ")).click()
    expect(page.get_by_text("Confirmed", exact=True)).to_be_visible()

    page.goto("/#/bookings")
    expect(page.locator(".booking").first).to_be_visible()

    assert page.evaluate(WIDTH) <= 360


def hold_seats(page, event, count=1):
    """Hold seats of the event; answer their ids."""
    page.goto(f"/#/events/{event['id']}")
    pick(page, count)
    page.get_by_role("button", name="Hold these seats").click()
    expect(page.get_by_role("timer")).to_be_visible()
    return own_seats(page)


def own_seats(page):
    return page.locator("button.seat.own").evaluate_all("all => all.map(each => each.dataset.id)")


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
    page.get_by_role("button", name=re.compile("^Pay ")).click()
    expect(page.get_by_text("Confirmed", exact=True)).to_be_visible()


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
    page.get_by_role("button", name=re.compile("^Pay ")).click()

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

    page.get_by_role("button", name=re.compile("^Pay ")).click()

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

    page.get_by_role("button", name=re.compile("^Pay ")).click()
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

    page.get_by_role("button", name=re.compile("^Pay ")).click()
    expect(page.get_by_role("alert")).to_contain_text("Payment is away. (Try again in about")
    page.reload()
    page.get_by_role("button", name=re.compile("^Pay ")).click()

    expect(page.get_by_text("Confirmed", exact=True)).to_be_visible()


def test_bookings_name_their_seats_and_their_id_and_the_mail_agrees(
    visit, event, someone, shared_encore, eventually
):
    email = someone("nina")
    page = visit(timezone_id="Asia/Tokyo", locale="de-DE")
    sign_in(page, email)
    hold_seats(page, event, 2)
    page.get_by_role("button", name=re.compile("^Pay ")).click()
    expect(page.get_by_text("Confirmed", exact=True)).to_be_visible()
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
    page.get_by_label("E-mail").fill("organiser@encore.example")
    page.get_by_label("Password").fill("organiser-of-encore")
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    page.get_by_label("Title").fill("Far Night")
    page.get_by_label("Artist").fill("The <b>Distant</b>")
    page.get_by_label("Starts at (UTC)").fill("2099-06-02T19:30")
    page.locator("fieldset input").first.fill("19.90")

    page.get_by_role("button", name="Add it").click()

    expect(page.locator("time")).to_have_text("Tue 02 June 2099, 19:30 UTC")
    expect(page.locator(".artist")).to_have_text("The <b>Distant</b>")


PHONE = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
}
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
FAINT = """() => {
  const pixel = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const over = (colours) => {
    pixel.clearRect(0, 0, 1, 1);
    for (const colour of colours) { pixel.fillStyle = colour; pixel.fillRect(0, 0, 1, 1); }
    return [...pixel.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (rgb) => {
    const linear = (v) => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
    const [r, g, b] = rgb.map((v) => linear(v / 255));
    return .2126 * r + .7152 * g + .0722 * b + .05;
  };
  const faint = [];
  for (const element of document.querySelectorAll("body *")) {
    const style = getComputedStyle(element);
    const text = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    const seen = element.checkVisibility() && element.getClientRects().length;
    if (!text || !seen || element.closest(".poster, noscript")) continue;
    if (style.color === "rgba(0, 0, 0, 0)") continue;
    const behind = [];
    for (let at = element; at; at = at.parentElement)
      behind.unshift(getComputedStyle(at).backgroundColor);
    const [a, b] = [light(over([...behind, style.color])), light(over(behind))];
    const ratio = Math.max(a, b) / Math.min(a, b);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) faint.push(`${ratio.toFixed(2)} ${element.outerHTML}`);
  }
  return faint;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_stands_out_in_light_and_dark(visit, event, someone, scheme):
    page = visit(color_scheme=scheme)
    expect(page.locator(".ticket").first).to_be_visible()
    faint = page.evaluate(FAINT)
    sign_in(page, someone(f"claire.{scheme}"))
    faint += page.evaluate(FAINT)
    hold_seats(page, event)
    faint += page.evaluate(FAINT)
    page.get_by_role("button", name=re.compile("^Pay ")).click()
    expect(page.get_by_text("Confirmed", exact=True)).to_be_visible()
    faint += page.evaluate(FAINT)
    page.goto("/#/bookings")
    expect(page.locator(".booking").first).to_be_visible()

    faint += page.evaluate(FAINT)

    assert faint == []

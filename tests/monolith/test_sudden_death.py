"""Counts of the damage that kill -9 does at this step.

docs/steps/00-monolith.md quotes these counts; later steps reduce each to 0."""

from concurrent.futures import ThreadPoolExecutor

BOOKINGS = 4


def test_a_kill_before_commit_leaves_charges_without_bookings(encore, eventually):
    fan = encore.sign_in("fan@encore.example")
    event = fan.request("GET", "/api/events").json["items"][0]["id"]
    free = [
        seat["id"]
        for seat in fan.request("GET", f"/api/events/{event}/seats").json["items"]
        if seat["status"] == "free"
    ]
    holds = [
        fan.request("POST", f"/api/events/{event}/holds", json={"seats": [seat]}).json["id"]
        for seat in free[: BOOKINGS + 1]
    ]
    bookings = len(encore.rows("monolith", "select id from bookings"))
    encore.mail_knobs(hang=True)

    with ThreadPoolExecutor(BOOKINGS) as clients:
        requests = [
            clients.submit(
                fan.request,
                "POST",
                "/api/bookings",
                json={"hold_id": hold, "payment_method": "pm_card_visa"},
            )
            for hold in holds[:BOOKINGS]
        ]
        eventually(lambda: len(encore.charges()) == BOOKINGS)
        encore.kill("web")
        answers = [each.result(timeout=30).status for each in requests]
    encore.mail_knobs(hang=False)
    encore.wait_ready()
    again = encore.sign_in("fan@encore.example")

    damage = {
        "acknowledged bookings lost": sum(status == 201 for status in answers),
        "charges without a booking": len(encore.charges())
        - len(encore.refunds())
        - (len(encore.rows("monolith", "select id from bookings")) - bookings),
        "holds lost": sum(
            again.request("DELETE", f"/api/holds/{hold}").status == 404 for hold in holds
        ),
        "sessions lost": int(fan.request("GET", "/api/accounts/me").status == 401),
    }
    assert damage == {
        "acknowledged bookings lost": 0,
        "charges without a booking": BOOKINGS,
        "holds lost": BOOKINGS + 1,
        "sessions lost": 1,
    }

"""Counts of the damage that kill -9 does at this step, and its repair.

docs/steps/ quotes these counts; later steps reduce each to 0."""

from concurrent.futures import ThreadPoolExecutor

BOOKINGS = 4


def test_charges_without_bookings_remain_until_customers_retry(encore, eventually):
    fan = encore.sign_in("fan@encore.example")
    event = fan.request("GET", "/api/events").json["items"][0]["id"]
    free = [
        seat["id"]
        for seat in fan.request("GET", f"/api/events/{event}/seats").json["items"]
        if seat["status"] == "free"
    ]
    holds = [
        fan.request("POST", f"/api/events/{event}/holds", json={"seats": [seat]}).json["id"]
        for seat in free[: BOOKINGS + 2]
    ]

    def book(hold):
        return fan.request(
            "POST", "/api/bookings", json={"hold_id": hold, "payment_method": "pm_card_visa"}
        ).status

    assert book(holds.pop()) == 201  # from now on the payment provider knows this customer
    bookings = len(encore.rows("monolith", "select id from bookings"))
    encore.sandbox(silent=True)

    def without_a_booking():
        return (
            len(encore.charges())
            - 1
            - len(encore.refunds())
            - (len(encore.rows("monolith", "select id from bookings")) - bookings)
        )

    with ThreadPoolExecutor(BOOKINGS) as clients:
        requests = [clients.submit(book, hold) for hold in holds[:BOOKINGS]]
        eventually(lambda: len(encore.charges()) == BOOKINGS + 1)
        encore.kill("web")
        answers = [each.result(timeout=30) for each in requests]
    encore.sandbox(silent=False)
    encore.wait_ready()

    damage = {
        "acknowledged bookings lost": sum(status == 201 for status in answers),
        "charges without a booking": without_a_booking(),
        "holds lost": len(holds)
        - len(encore.rows("monolith", f"select id from holds where id = any(array{holds})")),
        "sessions lost": int(fan.request("GET", "/api/accounts/me").status == 401),
    }
    assert damage == {
        "acknowledged bookings lost": 0,
        "charges without a booking": BOOKINGS,
        "holds lost": 0,
        "sessions lost": 0,
    }
    assert [book(hold) for hold in holds] == [201] * len(holds)
    assert without_a_booking() == 0
    assert len(encore.charges()) == len(holds) + 1

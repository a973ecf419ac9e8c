"""Step 07: let the simplest subscriber leave first."""

from contextlib import suppress

BOOKINGS = 5


def test_mail_is_sent_while_the_monoliths_database_is_away(encore, eventually):
    fan = encore.sign_in("fan@encore.example")
    event = fan.request("GET", "/api/events").json["items"][0]["id"]
    free = [
        seat["id"]
        for seat in fan.request("GET", f"/api/events/{event}/seats").json["items"]
        if seat["status"] == "free"
    ]
    encore.stop("mail")
    holds = [
        fan.request("POST", f"/api/events/{event}/holds", json={"seats": [seat]}).json["id"]
        for seat in free[:BOOKINGS]
    ]
    booked = [
        fan.request(
            "POST", "/api/bookings", json={"hold_id": hold, "payment_method": "pm_card_visa"}
        ).json.get("id")
        for hold in holds
    ]
    eventually(
        lambda: (
            len(
                [
                    message
                    for message in encore.events("bookings")
                    if message["type"] == "booking.confirmed" and message["key"] in booked
                ]
            )
            == BOOKINGS
        )
    )

    encore.stop("postgres")
    encore.start("mail")

    def mailed():
        return [
            id
            for id in booked
            if any(id in mail["text"] for mail in encore.mails(to="fan@encore.example"))
        ]

    with suppress(AssertionError):
        eventually(lambda: len(mailed()) == BOOKINGS)
    assert len(mailed()) == BOOKINGS

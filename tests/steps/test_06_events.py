"""Step 06: record what happened, in the transaction that made it true."""

NEW = {"email": "ada@encore.example", "password": "correct horse", "name": "Ada"}


def free_seats(client):
    """An event and its free seats."""
    answer = client.request("GET", "/api/events")
    assert answer.status == 200, answer
    event = answer.json["items"][0]["id"]
    return event, [
        seat["id"]
        for seat in client.request("GET", f"/api/events/{event}/seats").json["items"]
        if seat["status"] == "free"
    ]


def test_registering_works_while_mail_and_payments_are_down(encore, eventually):
    encore.stop("mail")
    encore.sandbox(refuse=True)

    answer = encore.request("POST", "/api/accounts", json=NEW)

    assert answer.status == 201
    encore.start("mail")
    encore.sandbox(refuse=False)
    eventually(lambda: encore.mails(to=NEW["email"]), within=30)
    eventually(
        lambda: encore.rows(
            "payments",
            f"select provider_id from customers where account_id = '{answer.json['id']}'",
        ),
        within=30,
    )
    assert [mail["subject"] for mail in encore.mails(to=NEW["email"])] == ["Welcome to Encore"]


def test_messages_are_published_in_order_of_change(encore, eventually):
    fan = encore.sign_in("fan@encore.example")
    event, seats = free_seats(fan)
    held = fan.request("POST", f"/api/events/{event}/holds", json={"seats": seats[:2]}).json["id"]
    booking = fan.request(
        "POST", "/api/bookings", json={"hold_id": held, "payment_method": "pm_card_visa"}
    ).json["id"]
    path = f"/api/bookings/{booking}"
    eventually(lambda: fan.request("GET", path).json["status"] == "confirmed")
    fan.request("POST", f"{path}/cancellation")

    def published(topic):
        return [
            (message["data"]["aggregate_version"], message["type"])
            for message in encore.events(topic)
            if message["key"] == booking
        ]

    eventually(
        lambda: (
            published("bookings")
            == [(1, "booking.requested"), (2, "booking.confirmed"), (3, "booking.cancelled")]
        ),
        within=15,
    )
    eventually(
        lambda: published("payments") == [(1, "payment.authorised"), (2, "payment.refunded")],
        within=15,
    )

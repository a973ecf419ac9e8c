"""Step 00: a monolith that keeps state in its process and calls every other system directly."""


def test_nobody_can_register_while_mail_is_down(encore):
    new = {"email": "ada@encore.example", "password": "correct horse", "name": "Ada"}
    encore.stop("mail")

    refused = encore.request("POST", "/api/accounts", json=new)

    assert (refused.status, refused.json.get("type")) == (503, "unavailable")
    assert encore.request("GET", "/api/events").status == 200
    encore.start("mail")
    assert encore.request("POST", "/api/accounts", json=new).status == 201
    assert [mail["subject"] for mail in encore.mails(to="ada@encore.example")] == [
        "Welcome to Encore"
    ]


def test_a_restart_loses_all_sessions_and_holds(encore):
    fan = encore.sign_in("fan@encore.example")
    event = fan.request("GET", "/api/events").json["items"][0]
    seats = [
        seat["id"]
        for seat in fan.request("GET", f"/api/events/{event['id']}/seats").json["items"]
        if seat["status"] == "free"
    ][:2]
    hold = fan.request("POST", f"/api/events/{event['id']}/holds", json={"seats": seats})
    assert hold.status == 201

    encore.restart("web")

    assert fan.request("GET", "/api/accounts/me").status == 401
    again = encore.sign_in("fan@encore.example")
    assert (
        again.request(
            "POST",
            "/api/bookings",
            json={"hold_id": hold.json["id"], "payment_method": "pm_card_visa"},
        ).status
        == 404
    )
    assert (
        again.request("POST", f"/api/events/{event['id']}/holds", json={"seats": seats}).status
        == 201
    )

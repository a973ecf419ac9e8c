"""Step 03: move state out of the process."""


def free_seats(client):
    """An event and its free seats."""
    event = client.request("GET", "/api/events").json["items"][0]["id"]
    return event, [
        seat["id"]
        for seat in client.request("GET", f"/api/events/{event}/seats").json["items"]
        if seat["status"] == "free"
    ]


def hold(client, event, seat):
    return client.request("POST", f"/api/events/{event}/holds", json={"seats": [seat]})


def book(client, held):
    return client.request(
        "POST",
        "/api/bookings",
        json={"hold_id": held.json.get("id", "none"), "payment_method": "pm_card_visa"},
    )


def is_confirmed(client, booked):
    path = f"/api/bookings/{booked.json.get('id', 'none')}"
    return client.request("GET", path).json.get("status") == "confirmed"


def test_sessions_and_holds_survive_a_kill_of_the_process(encore, eventually):
    fan = encore.sign_in("fan@encore.example")
    event, seats = free_seats(fan)
    held = hold(fan, event, seats[0])

    encore.kill(held.headers["X-Served-By"])
    encore.wait_ready()

    assert fan.request("GET", "/api/accounts/me").status == 200
    booked = book(fan, held)
    eventually(lambda: is_confirmed(fan, booked))


def test_one_of_two_instances_can_be_killed(encore_of, eventually):
    encore = encore_of(**{"bookings-web": 2})
    fan = encore.sign_in("fan@encore.example")
    event, seats = free_seats(fan)
    answers = [fan.request("GET", "/api/bookings") for _ in range(20)]
    holds = [hold(fan, event, seat) for seat in seats[:4]]
    served_by = sorted({answer.headers.get("X-Served-By") for answer in answers})

    encore.kill(served_by[0])
    booked = [book(fan, held) for held in holds]

    assert [answer.status for answer in answers] == [200] * 20
    assert len(served_by) == 2
    eventually(lambda: all(is_confirmed(fan, each) for each in booked))

"""Several processes of bookings behind the facade act as one shop."""

import threading
from concurrent.futures import ThreadPoolExecutor

PASSWORD = "correct horse"
WEB = "bookings-web"


def sign_up(encore, number):
    client = encore.client()
    account = {"email": f"buyer{number}@encore.example", "password": PASSWORD}
    client.request("POST", "/api/accounts", json={**account, "name": f"Buyer {number}"})
    assert client.request("POST", "/api/sessions", json=account).status == 201
    return client


def free_seats(encore):
    """An event and its free seats."""
    event = encore.request("GET", "/api/events").json["items"][0]["id"]
    return event, [
        seat["id"]
        for seat in encore.request("GET", f"/api/events/{event}/seats").json["items"]
        if seat["status"] == "free"
    ]


def hold(client, event, seats):
    return client.request("POST", f"/api/events/{event}/holds", json={"seats": seats})


def book(client, held):
    return client.request(
        "POST", "/api/bookings", json={"hold_id": held.json["id"], "payment_method": "pm_card_visa"}
    )


def test_three_instances_sell_each_seat_only_once(encore_of):
    encore = encore_of(**{WEB: 3})
    buyers = [sign_up(encore, number) for number in range(6)]
    event, seats = free_seats(encore)
    requested_seats = [seats[:2], seats[1::-1], seats[1:3]]

    def buy(number):
        held = hold(buyers[number % 6], event, requested_seats[number % 3])
        return held.headers["X-Served-By"], [] if held.status == 409 else book(
            buyers[number % 6], held
        ).json["seats"]

    with ThreadPoolExecutor(20) as threads:
        bought = list(threads.map(buy, range(60)))

    sold = [seat for _, seats in bought for seat in seats]
    assert len({served_by for served_by, _ in bought}) == 3
    assert seats[1] in sold
    assert (
        len(sold)
        == len(set(sold))
        == len(
            encore.rows(
                "bookings",
                f"select seat_id from booking_seats where seat_id = any(array{seats[:3]})",
            )
        )
    )


def test_overlapping_holds_at_two_instances_cause_no_deadlock(encore_of, eventually):
    encore = encore_of(**{WEB: 2})
    buyers = [sign_up(encore, number) for number in range(4)]
    event, seats = free_seats(encore)

    for _ in range(25):
        with ThreadPoolExecutor(4) as threads:
            order = [seats[:8], seats[7::-1], seats[4:12], seats[11:3:-1]]
            answers = list(
                threads.map(
                    lambda number, order=order: hold(buyers[number], event, order[number]), range(4)
                )
            )
        assert {answer.status for answer in answers} == {201, 409}
        for buyer, answer in zip(buyers, answers, strict=True):
            if answer.status == 201:
                assert buyer.request("DELETE", f"/api/holds/{answer.json['id']}").status == 204


def test_a_rolling_restart_loses_no_request_session_or_hold(encore_of):
    encore = encore_of(**{WEB: 2})
    event, seats = free_seats(encore)
    failed, all_answers, done = [], [], threading.Event()

    def shop(number):
        client, mine = sign_up(encore, number), iter(seats[number::4])
        while not done.is_set():
            held = hold(client, event, [next(mine)])
            answers = [
                held,
                client.request("GET", "/api/accounts/me"),
                book(client, held),
                client.request("GET", "/api/recommendations"),
            ]
            all_answers.extend(answers)
            failed.extend(
                (answer.status, answer.text)
                for answer in answers
                if answer.status not in (200, 201)
            )

    shoppers = [threading.Thread(target=shop, args=[number]) for number in range(4)]
    for shopper in shoppers:
        shopper.start()
    encore.restart(WEB)
    before = len(all_answers)
    while len(all_answers) < before + 20:
        encore.request("GET", "/api/venues")
    done.set()
    for shopper in shoppers:
        shopper.join(30)

    assert failed == []
    served = {answer.headers["X-Served-By"] for answer in all_answers}
    assert served == {f"{WEB}.1", f"{WEB}.2", "accounts-web", "recommendations-web"}

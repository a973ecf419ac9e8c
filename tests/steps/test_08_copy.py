"""Step 08: let a service build its own copy, and measure the drift before anyone relies on it."""

import re

WORKER = "recommendations-worker"
PASSWORD = "correct horse"
COMPARED = 50  # accounts; the sample has fewer
CUSTOMERS = [f"customer.of.08.{number}@encore.example" for number in range(40)]


def register(encore, email):
    body = {"email": email, "password": PASSWORD, "name": "Customer"}
    assert encore.request("POST", "/api/accounts", json=body).status == 201


def book(client, event):
    """Book a free seat of an event; the booking's id."""
    seats = client.request("GET", f"/api/events/{event}/seats").json["items"]
    free = next(seat["id"] for seat in seats if seat["status"] == "free")
    held = client.request("POST", f"/api/events/{event}/holds", json={"seats": [free]}).json["id"]
    order = {"hold_id": held, "payment_method": "pm_card_visa"}
    return client.request("POST", "/api/bookings", json=order).json["id"]


def sell(encore):
    """Let customers register; three of them book two events each, and one cancels a booking."""
    for email in CUSTOMERS:
        register(encore, email)
    customers = [encore.sign_in(email, PASSWORD) for email in CUSTOMERS[:3]]
    events = [each["id"] for each in encore.request("GET", "/api/events").json["items"]]
    bookings = [
        book(customer, event)
        for number, customer in enumerate(customers)
        for event in events[number : number + 2]
    ]
    answer = customers[0].request("POST", f"/api/bookings/{bookings[0]}/cancellation")
    assert answer.status in (200, 202)


def drift(encore):
    """{figure: number} of the drift report; empty where there is none."""
    port = encore.output_of("recommendations-web", "printenv", "PORT").strip()
    command = ["flask", "--app", "monolith.app", "drift", "--against", f"http://127.0.0.1:{port}"]
    figures = re.search(r"^compared: .*$", encore.output_of("web", *command), re.MULTILINE)
    pairs = re.findall(r"(\w+): (\d+)", figures[0] if figures else "")
    return {name: int(number) for name, number in pairs}


def test_a_dropped_copy_is_built_again_without_drift(fresh_encore, eventually):
    encore = fresh_encore
    sell(encore)
    assert drift(encore).get("compared", 0) == COMPARED

    encore.stop(WORKER)
    encore.output_of(WORKER, "python", "-m", "extracted.recommendations.worker", "rebuild")
    dropped = encore.rows("recommendations", "select count(*) from purchases")
    encore.restart(WORKER)

    eventually(lambda: drift(encore).get("equal") == COMPARED, within=60)
    assert dropped == [(0,)]

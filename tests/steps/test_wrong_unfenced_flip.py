"""Wrong turn unfenced-flip: each writer looks whether its side may write, and then writes.

It looks enough that no statement passes a closed side. But a writer that has written and has not
committed yet is not seen: the flip does not wait for it. The other side sells the same seats; then
the writer commits. Step 13 repairs it: a writer keeps the epoch's lock until its transaction ends,
and the flip ends the sessions that do not let go."""

import sys

SEATS = 3
SELL = """
insert into bookings (id, account_id, event_id, hold_id, total, currency, created_at, status)
values (%(seat)s, 'eve', %(event)s, %(seat)s, 4500, 'EUR', now(), 'pending');
insert into booking_seats (booking_id, seat_id, position) values (%(seat)s, %(seat)s, 1);
insert into claims (seat_id, event_id, until) values (%(seat)s, %(event)s, 'infinity')"""
SOLD = "select seat_id from claims where until = 'infinity'"


def move(encore, *words):
    """Run a command of the move: the line that it prints."""
    monolith = encore.system.servers["monolith"].url("monolith")
    command = ["env", f"MONOLITH_DATABASE_URL={monolith}", sys.executable, "-m"]
    return encore.output_of("bookings-web", *command, "extracted.bookings.move", *words)


def old_writer(encore, event, seat):
    """A transaction of the monolith's role that has sold a seat, and has not committed."""
    server = encore.system.servers["monolith"]
    with server.connect("monolith") as superuser:
        connection = type(superuser).connect(server.url("monolith"))
    for statement in SELL.split(";\n"):
        connection.execute(statement, {"event": event, "seat": seat})
    return connection


def commits(writer):
    try:
        writer.commit()
    except Exception:  # its session was ended
        return False
    finally:
        writer.close()
    return True


def buys(client, event, seat):
    """Whether a customer of the service gets the seat."""
    held = client.request("POST", f"/api/events/{event}/holds", json={"seats": [seat]})
    order = {"hold_id": held.json.get("id"), "payment_method": "pm_card_visa"}
    return client.request("POST", "/api/bookings", json=order).status == 201


def test_seats_are_sold_on_both_sides(encore):
    fan = encore.sign_in("fan@encore.example")
    event = fan.request("GET", "/api/events").json["items"][0]["id"]
    plan = fan.request("GET", f"/api/events/{event}/seats").json["items"]
    seats = [seat["id"] for seat in plan if seat["status"] == "free"][:SEATS]

    began = [move(encore, "close", "bookings"), move(encore, "open", "monolith")]
    writers = [old_writer(encore, event, seat) for seat in seats]
    flipped = [move(encore, "close", "monolith"), move(encore, "open", "bookings")]
    bought = [seat for seat in seats if buys(fan, event, seat)]
    committed = [commits(writer) for writer in writers]

    sold = {seat for (seat,) in encore.rows("monolith", SOLD)}
    twice = sorted(sold.intersection(bought))
    damage = f"{len(twice)} of {SEATS} seats are sold on both sides"
    print(damage)
    assert all([*began, *flipped]) and bought == seats
    assert committed == [True] * SEATS, damage
    assert twice == sorted(seats), damage

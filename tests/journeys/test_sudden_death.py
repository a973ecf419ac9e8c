"""Guarantees that hold while the serving process is killed with -9 several times during purchases.

tests/damage.json lists the damage that this step may still cause; any other damage fails the test.
"""

import http.client
import json
import os
import shlex
import subprocess
import threading
from collections import Counter
from pathlib import Path
from random import Random

import pytest

KILLS, SHOPPERS, BETWEEN = 3, 5, 6  # BETWEEN: acknowledged bookings from one kill to the next
KNOWN = json.loads((Path(__file__).resolve().parents[1] / "damage.json").read_text())


class Shopper(threading.Thread):
    """A customer who holds, books and cancels until stopped, and records every answer."""

    def __init__(self, client, event, number, done):
        super().__init__(daemon=True)
        self.client, self.event, self.random, self.done = client, event, Random(number), done
        self.damage, self.booked, self.unknown, self.cancelled, self.kept = (
            Counter(),
            {},
            {},
            set(),
            [],
        )

    def run(self):
        while not self.done.is_set():
            held = self.attempt(
                self.client.hold, self.event, self.random.sample(self.event.seats, 2)
            )
            if held is None or held.status != 201:
                self.make_room()
                continue
            card = self.random.choice(
                ["pm_card_visa", "pm_card_visa", "pm_card_visa_chargeDeclined"]
            )
            booked = self.attempt(self.client.book, held.json["id"], card)
            if booked is None:
                self.unknown[held.json["id"]] = set(held.json["seats"])
            elif booked.status == 201:
                self.booked[held.json["id"]] = booked.json
                self.kept += [booked.json] if booked.json["status"] != "declined" else []
            else:
                self.damage["holds lost"] += booked.status == 404

    def make_room(self):
        """Cancel a booking, so that seats stay available until the last kill."""
        if self.kept:
            self.cancel(self.kept.pop(0))

    def cancel(self, booking):
        answer = self.attempt(self.client.cancel, booking)
        if answer is None or answer.status in (200, 202):
            self.cancelled.add(booking["id"])
        elif self.is_pending(booking):
            self.kept.append(booking)

    def is_pending(self, booking):
        """Whether a booking that cannot be cancelled may become one that can be."""
        now = self.attempt(self.client.get, f"/api/bookings/{booking['id']}")
        return now is None or now.json["status"] == "pending"

    def attempt(self, call, *arguments):
        """The answer, or None without one; after a lost session, sign in again."""
        try:
            answer = call(*arguments)
            if answer.status == 401:
                self.damage["sessions lost"] += 1
                self.client.sign_in(self.client.email)
            return answer if answer.status not in (502, 503) else None
        except (OSError, http.client.HTTPException):
            self.done.wait(0.05)
            return None


@pytest.fixture
def kill_serving_process(settings, visitor):
    if not (settings.get("LAB_COMMAND") and settings.get("LAB_STATE")):
        pytest.skip("LAB_COMMAND and LAB_STATE are not set, so nothing can be killed")

    def kill_serving_process():
        serving = visitor.get("/api/events?limit=1").headers["X-Served-By"]
        environment = {**os.environ, "LAB_STATE": settings["LAB_STATE"]}
        subprocess.run(
            [*shlex.split(settings["LAB_COMMAND"]), "kill", serving],
            env=environment,
            check=True,
            capture_output=True,
        )

    return kill_serving_process


def test_acknowledged_bookings_survive_kills_of_the_process(
    sign_up,
    visitor,
    event,
    kill_serving_process,
    eventually,
    settled,
    statuses,
    ledger,
    mails,
    record_damage,
):
    done = threading.Event()
    shoppers = [
        Shopper(sign_up(f"Shopper {number}"), event, number, done) for number in range(SHOPPERS)
    ]
    for shopper in shoppers:
        shopper.start()
    for _ in range(KILLS):
        before = acknowledged(shoppers)
        eventually(
            "bookings between kills",
            lambda before=before: acknowledged(shoppers) >= before + BETWEEN,
            within=60,
        )
        kill_serving_process()
        eventually("coming back", lambda: answers(visitor), within=60)
    done.set()
    for shopper in shoppers:
        shopper.join(120)

    counts = Counter()
    for shopper in shoppers:
        counts += shopper.damage
        shopper.client.sign_in(shopper.client.email)
        counts += audit(shopper, settled, ledger, mails, eventually)
    live = [seat for shopper in shoppers for booking in shopper.live for seat in booking["seats"]]
    counts["seats sold twice"] = len(live) - len(set(live))
    eventually(
        "freed seats",
        lambda: (
            {seat for seat, status in statuses(visitor, event).items() if status == "sold"}
            == set(live)
        ),
    )

    record_damage({kind: counts[kind] for kind in {*KNOWN, *counts}})
    assert {kind: count for kind, count in counts.items() if count and kind not in KNOWN} == {}


def acknowledged(shoppers):
    return sum(len(shopper.booked) for shopper in shoppers)


def answers(visitor):
    try:
        return visitor.get("/api/events?limit=1").status == 200
    except (OSError, http.client.HTTPException):
        return False


def audit(shopper, settled, ledger, mails, eventually):
    """Counts of damage: the shopper's record compared with the shop, the provider and the mail."""
    counts, client = Counter(), shopper.client
    bookings = {
        booking["id"]: settled(client, booking) for booking in client.items("/api/bookings")
    }
    shopper.live = [booking for booking in bookings.values() if booking["status"] == "confirmed"]
    by_hold = {hold: bookings.get(booking["id"]) for hold, booking in shopper.booked.items()}
    for hold, seats in shopper.unknown.items():
        known = {booking["id"] for booking in by_hold.values() if booking}
        by_hold[hold] = next(
            (
                booking
                for booking in bookings.values()
                if set(booking["seats"]) == seats and booking["id"] not in known
            ),
            None,
        )
    counts["acknowledged bookings lost"] = sum(
        booking["id"] not in bookings for booking in shopper.booked.values()
    )
    counts["cancelled by nobody"] = sum(
        booking["status"] == "cancelled" and id not in shopper.cancelled
        for id, booking in bookings.items()
    )
    for hold, booking in by_hold.items():
        counts += money(hold, booking, ledger, eventually)
    confirmations = [mail["text"] for mail in mails(client.email) if "is confirmed" in mail["text"]]
    for booking in shopper.live:
        eventually(
            "confirmation mail",
            lambda booking=booking: any(
                booking["id"] in mail["text"] for mail in mails(client.email)
            ),
        )
    mailed_bookings = {
        booking["id"]
        for booking in bookings.values()
        if booking["status"] in ("confirmed", "cancelled")
    }
    counts["mails without a booking"] = sum(
        not any(id in text for id in mailed_bookings) for text in confirmations
    )
    return counts


EXPECTED_PAYMENTS = {"confirmed": ["charge"], "cancelled": ["charge", "refund"], "declined": []}


def money(hold, booking, ledger, eventually):
    """Counts of wrong charges and refunds for a hold that somebody tried to book."""
    expected = EXPECTED_PAYMENTS[booking["status"]] if booking and booking["total"] else []

    def moved():
        return [kind for kind, *_ in ledger()[hold]]

    try:
        eventually("money", lambda: moved() == expected, within=1)
        return Counter()
    except AssertionError:
        seen = moved()
    if seen.count("charge") > 1:
        return Counter({"charged twice": 1})
    if booking and booking["status"] == "confirmed":
        return Counter(
            {
                "refunds without a cancellation"
                if "refund" in seen
                else "confirmed without a charge": 1
            }
        )
    if booking and booking["status"] == "cancelled":
        return Counter({"cancelled without a refund": 1})
    return Counter({"charges without a booking": 1}) if seen == ["charge"] else Counter()

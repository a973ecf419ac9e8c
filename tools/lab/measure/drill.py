"""Trouble while visitors book, again and again, and what it cost: every kind at once
(`./lab break --under-load`), or nothing but kills (`./lab break --kills`)."""

import os
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

from tools.lab.ground.failed import Failed
from tools.lab.ground.waiting import eventually
from tools.lab.look.payments import moved
from tools.lab.look.running import Running
from tools.lab.measure.evidence import confirmations
from tools.lab.measure.judge import LOST, MAIL, MONEY, SEATS
from tools.lab.measure.judge_money import WITHOUT_BOOKING, kept_by_hold
from tools.lab.measure.ledger import UNKNOWN, Ledger
from tools.lab.measure.load import Load
from tools.lab.measure.reconcile import reconcile
from tools.lab.measure.trouble import Kills, Trouble, refuse_recipients
from tools.lab.system.state import temporary_state
from tools.lab.system.system import System

RATE = 15.0  # requests a second
SECONDS = 22.0
WARM = 1.0
KILLS = {"kind": Kills, "rate": 40.0, "seconds": 60.0}  # about 200 bookings
ACCOUNTS = 16
SAMPLE = (60, 30)  # events and accounts
TWO_WEBS_FROM = "03"  # before this step the process keeps state that a second one would not know
HOLD_SECONDS = 60  # long enough to book in spite of a dark database, short enough to wait for
WELL_WITHIN = 60.0  # seconds
SETTLES_WITHIN = 60.0  # seconds
RECONCILED_WITHIN = HOLD_SECONDS + 400.0  # seconds
RECONCILE_EVERY = 15.0


@dataclass
class Repeat:
    """What one repeat cost."""

    requests: int = 0  # to hold, to book and to cancel
    acknowledged: int = 0  # bookings
    unknown: int = 0
    lost: int = 0
    doubled: int = 0  # and other money that does not fit its booking
    oversold: int = 0  # and seats that are taken though nobody has them
    charged: int = 0  # holds with a charge and without a booking, before reconcile
    mails_missing: int = 0
    mails_doubled: int = 0
    other: int = 0  # strangers, or nothing booked at all
    stopped: list = field(default_factory=list)  # processes that do not come back
    well_after: float | None = None  # seconds; None if it did not become well by itself

    def is_clean(self):
        """Whether every promise was kept, and everything runs again by itself. A mail that comes
        twice breaks no promise, and a charge without a booking only if nobody gives it back."""
        damage = self.lost + self.doubled + self.oversold + self.mails_missing
        is_well = self.well_after is not None and not self.stopped
        return is_well and not damage + self.other


class Drill:
    """Iterates over (Repeat, Trouble, Verdict) count times, on one system; a new one replaces it
    only if it was broken. Afterwards, still_charged are the holds whose charge nobody gave back."""

    def __init__(self, tree, count, *, seed, log, reconciled_within=RECONCILED_WITHIN, **load):
        self.tree = tree
        self.count = count
        self.seed = seed
        self.log = log
        self.reconciled_within = reconciled_within
        self.load = load
        self.charged = []
        self.still_charged = []

    def __iter__(self):
        with temporary_state(self.tree) as folder:
            system = None
            for number in range(1, self.count + 1):
                system = system or started(self.tree, folder / str(number), self.log)
                try:
                    found = one(system, number, seed=self.seed, **self.load)
                    self.charged += charged(found[2])
                    if number == self.count:
                        self._reconcile(system)
                except BaseException:
                    system.stop(at_once=True)
                    raise
                if not found[0].is_clean() or number == self.count:
                    system.stop(at_once=True)
                    system = None
                    self.still_charged += self.charged
                    self.charged = []
                yield found

    def _reconcile(self, system):
        self.charged = still_charged(system, self.charged, self.reconciled_within, self.log)


def still_charged(system, holds, within, log):
    """Wait until the step has given back what was charged for holds without a booking: it may do
    that only when the hold has ended, and nobody can still be booking it. The holds that are left
    after within seconds."""
    deadline = time.monotonic() + within
    while holds and time.monotonic() < deadline and reconcile(system.tree, system.to_run()):
        kept = kept_by_hold(moved(system.settings["STRIPE_API_BASE"]))
        holds = [hold for hold in holds if kept[hold]]
        if holds:
            log(f"waiting until {len(holds)} charges are given back, when their holds have ended")
            time.sleep(RECONCILE_EVERY)
    return holds


def charged(verdict):
    """The holds with a charge and no booking at the end of an audit."""
    return [line.split()[1] for line in verdict.left[MONEY] if WITHOUT_BOOKING in line]


def scale_of(tree):
    """How many instances of each process a drill runs."""
    return {"web": 2} if tree.slug[:2] >= TWO_WEBS_FROM else {}


def started(tree, state, log, kind=System):
    system = kind(
        tree,
        state,
        seed=SAMPLE,
        scale=scale_of(tree),
        show=lambda name, line: None,
        progress=log,
        environ={**os.environ, "HOLD_SECONDS": str(HOLD_SECONDS)},
    )
    return system.start()


def one(
    system,
    number,
    *,
    seed,
    kind=Trouble,
    rate=RATE,
    seconds=SECONDS,
    well_within=WELL_WITHIN,
    within=SETTLES_WITHIN,
):
    """Load, trouble, and an audit once it is over: (Repeat, Trouble, Verdict)."""
    settings = system.to_run()
    holds_before = {item["metadata"].get("hold_id") for item in moved(settings["STRIPE_API_BASE"])}
    load = Load(settings, accounts=ACCOUNTS, seed=f"{seed} {number}", log=lambda line: None)
    odd = [email for email, _ in load.accounts[: len(kind.codes)]] if system.tree.topics else []
    refuse_recipients(system, odd)
    trouble = kind(system, Random(f"{seed} {number}"), WARM + seconds)
    load.send(rate, seconds, warm=WARM, begin=trouble.start)
    over = trouble.end()
    well = well_after(system, over, well_within)
    never_back = stopped(system)
    if well is None:
        mend(system)
    verdict = load.settle(
        within=within,
        may_remain=lambda line: WITHOUT_BOOKING in line,  # until the hold has ended
        unmailable=odd,
        holds_before=holds_before,
    )
    refuse_recipients(system, [])
    repeat = counted(verdict, Ledger(load.entries()), confirmations(settings["MAIL_URL"]))
    repeat.well_after = well
    repeat.stopped = sorted({*never_back, *stopped(system)})
    return repeat, trouble, verdict


def counted(verdict, ledger, mails):
    """A Repeat with the counts of an audit; mails are {(address, booking id): number of mails}."""
    money = verdict.left[MONEY]
    without_booking = len(charged(verdict))
    attempts = [entry for entries in ledger.attempts.values() for entry in entries]
    others = verdict.left.keys() - {LOST, SEATS, MONEY, MAIL}
    cancellations = [entry for entries in ledger.cancellations.values() for entry in entries]
    return Repeat(
        requests=len([*ledger.hold_requests, *attempts, *cancellations]),
        acknowledged=len(ledger.acknowledged_bookings()),
        unknown=sum(entry["status"] in UNKNOWN for entry in attempts),
        lost=len(verdict.left[LOST]),
        doubled=len(money) - without_booking,
        oversold=len(verdict.left[SEATS]),
        charged=without_booking,
        mails_missing=len(verdict.left[MAIL]),
        mails_doubled=sum(
            number - 1 for (email, _), number in mails.items() if email in ledger.registrations
        ),
        other=sum(len(verdict.left[promise]) for promise in others),
    )


def well_after(system, since, within):
    """How many seconds after since everything ran and a customer could buy a seat and got the mail;
    None if that took too long."""
    running = Running(system)
    while time.monotonic() < since + within:
        if not stopped(system) and system.is_ready() and buys(running):
            return time.monotonic() - since
        time.sleep(0.2)
    return None


def stopped(system):
    """The processes that do not run now."""
    return [each["name"] for each in system.supervisor.facts() if each["state"] != "running"]


def mend(system):
    """Start what did not come back by itself, so that the audit can look."""
    system.supervisor.mend()
    with suppress(Failed):
        system.wait_ready()


def arrives(check, within):
    try:
        return bool(eventually(check, within=within))
    except AssertionError:
        return False


def buys(running):
    """Whether a new customer can buy a seat, and gets the mail."""
    known = {"email": f"{secrets.token_hex(6)}@drill.example", "password": "correct horse"}
    client = running.client()
    client.request("POST", "/api/accounts", {**known, "name": "Ada"})
    client.request("POST", "/api/sessions", known)
    events = client.request("GET", "/api/events?limit=1").json.get("items")
    booking = events and _buy(client, f"/api/events/{events[0]['id']}")
    return bool(booking) and arrives(
        lambda: any(booking in mail["text"] for mail in running.mails(to=known["email"])),
        within=5.0,
    )


def _buy(client, event):
    """The id of a booking of the first free seat, or None."""
    seats = client.request("GET", f"{event}/seats").json.get("items", [])
    free = [seat["id"] for seat in seats if seat["status"] == "free"]
    hold = client.request("POST", f"{event}/holds", {"seats": free[:1]}).json.get("id")
    order = {"hold_id": hold, "payment_method": "pm_card_visa"}
    return client.request("POST", "/api/bookings", order).json.get("id")

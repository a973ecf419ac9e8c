"""The backfill of payments at a step that has it: how fast many rows are copied and compared, and
what customers notice of it."""

import subprocess
import sys
import time
from contextlib import contextmanager

from tools.lab.measure.delivery import percentiles
from tools.lab.measure.shopper import Shopper, took

PROGRAM = "extracted/payments/backfill.py"
PAYMENTS = 1_000_000
RATE = 10.0  # bookings a second
SECONDS = 30.0  # of bookings with nothing else
FILL = """
insert into payments (id, booking_id, account_id, kind, amount, currency, status, created_at,
  provider_id, version)
select md5('payment ' || n), md5('booking ' || n), md5('account ' || n % 100000), 'charge', 4500,
  'EUR', 'succeeded', timestamptz '2025-01-01Z' + n * interval '1 second', 'pi_' || n, 1
from generate_series(1, $1) n"""


def figures(system, *, payments=PAYMENTS, seconds=SECONDS):
    """The rate of the backfill and of its last run, the time of the comparison, and the times of
    bookings with the backfill and without."""
    fill(system, payments)
    customer = Customer(system)
    without = customer.book_until(time.monotonic() + seconds)
    began = time.monotonic()
    with running(system, "backfill") as copying:
        beside = customer.book_while(lambda: copying.poll() is None)
        check(copying)
        copied = time.monotonic() - began
    last, _ = took(lambda: run(system, "backfill", "--last"))
    # what the shop has charged meanwhile is only in the service
    compared, _ = took(lambda: run(system, "verify", ends_with=(0, 1)))
    customer.shopper.connection.connections.close()
    return {
        f"backfill of {payments:,} payments, rows a second": [payments / copied],
        f"last run over {payments:,} payments, s": [last],
        f"comparison of {payments:,} payments, s": [compared],
        **percentiles("book without a backfill", without),
        **percentiles("book beside a backfill", beside),
    }


def fill(system, payments):
    """Store payments in the monolith's table, as at the step before."""
    with system.servers["monolith"].connect("monolith") as connection:
        connection.execute(FILL.replace("$1", str(payments)))
        connection.execute("vacuum analyze payments")
        connection.execute("checkpoint")


class Customer:
    """Books one seat after the other at a rate, of one event after the other."""

    def __init__(self, system):
        self.shopper = Shopper(system)
        ask = self.shopper.connection.ask
        self.events = [each["id"] for each in ask("GET", "/api/events?limit=100")["items"]]

    def book_until(self, end):
        return self.book_while(lambda: time.monotonic() < end)

    def book_while(self, is_wanted):
        """The milliseconds that each booking took."""
        began, times = time.monotonic(), []
        while is_wanted():
            time.sleep(max(0.0, began + len(times) / RATE - time.monotonic()))
            hold = self.take()
            times.append(1000 * took(lambda hold=hold: self.shopper.pay(hold))[0])
        return times

    def take(self):
        """Hold the next free seat of an event that has one."""
        while not self.shopper.free:
            self.shopper.choose(self.events.pop())
        return self.shopper.take()


@contextmanager
def running(system, command, *options):
    """A command of payments; it is killed if what goes on meanwhile fails."""
    url = system.settings["MONOLITH_DATABASE_URL"]
    with subprocess.Popen(
        [sys.executable, "-m", f"extracted.payments.{command}", *options],
        cwd=system.tree.path,
        env=system.environment("payments-worker", MONOLITH_DATABASE_URL=url),
        stdout=subprocess.DEVNULL,
    ) as process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise


def run(system, command, *options, ends_with=(0,)):
    """Run a command of payments to its end."""
    with running(system, command, *options) as process:
        check(process, ends_with)


def check(process, ends_with=(0,)):
    """RuntimeError if a process does not end with one of these exit codes."""
    if (code := process.wait()) not in ends_with:
        raise RuntimeError(f"{process.args[2]} ended with exit code {code}")

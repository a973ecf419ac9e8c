"""Both sides of the flip: the monolith's database and the service's, with the tables that move. The
code of step 12 wrote the monolith's as the service's code writes its own; so it stands for both."""

import importlib.util
from datetime import timedelta
from types import SimpleNamespace

from sqlalchemy import create_engine

from extracted.bookings import service
from extracted.bookings.model import Base
from extracted.bookings.move import TABLES, both_sides, drop
from kit import dead_letters, inbox, outbox
from kit.database import Database
from tools.lab.ground.tree import HERE

SIDES = ("monolith", "bookings")
MIGRATIONS = {"monolith": "0008_bookings", "bookings": "0001_bookings"}
HOLD_FOR = timedelta(minutes=10)
PENDING_FOR = timedelta(minutes=15)
PRICE = 4500
MESSAGES = (outbox.metadata, inbox.metadata, dead_letters.metadata)


def migration(side):
    """The migration that makes the epoch of a side, as a module."""
    path = HERE.path / "migrations" / side / "versions" / f"{MIGRATIONS[side]}.py"
    spec = importlib.util.spec_from_file_location(f"{side}_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make_tables(servers, side):
    """The tables of a side, and the triggers that its migration makes."""
    engine = create_engine(servers.url(side))
    for metadata in (Base.metadata, *MESSAGES):
        metadata.create_all(engine)
    engine.dispose()
    with servers.connect(side) as connection:
        connection.execute("insert into epoch (number, is_open) values (1, true)")
        connection.execute(migration(side).CHECK)
        for table in migration(side).FENCED:
            connection.execute(migration(side).TRIGGER.format(table=table))


def clear(servers):
    """No row and no replication is left; the monolith is open and the service is closed."""
    with both_sides(*(servers.url(side) for side in SIDES)) as sides:
        drop(sides)
    for side in SIDES:
        with servers.connect(side) as connection:
            connection.execute(f"truncate {', '.join(TABLES)}, outbox, inbox, dead_letters")
            connection.execute("update epoch set number = 1, is_open = %s", [side == "monolith"])


class Writer:
    """The use cases of bookings on one side, each in a transaction; clock() is the time."""

    def __init__(self, url, clock):
        self.database = Database(url, connections=8)
        self.clock = clock

    def hold(self, *seats, account="ada"):
        """The id of a new hold."""
        with self.database.transaction() as session:
            return self.hold_in(session, *seats, account=account).id

    def hold_in(self, session, *seats, account="ada"):
        now = self.clock()
        return service.hold(
            session,
            account_id=account,
            event=SimpleNamespace(id="event", starts_at=now + HOLD_FOR, currency="EUR"),
            places=places_of(seats),
            seats=list(seats),
            now=now,
            hold_for=HOLD_FOR,
        )

    def book(self, hold, *seats, account="ada", key=None):
        """The id of the booking of a hold."""
        with self.database.transaction() as session:
            return self.book_in(session, hold, *seats, account=account, key=key).id

    def book_in(self, session, hold, *seats, account="ada", key=None):
        return service.book(
            session,
            account_id=account,
            hold_id=hold,
            payment_method="pm_card_visa",
            places=places_of(seats),
            key=key,
            now=self.clock(),
            pending_for=PENDING_FOR,
        )

    def buy(self, *seats, **more):
        """Hold and book; the id of the booking."""
        return self.book(self.hold(*seats), *seats, **more)

    def give_back(self, hold, account="ada"):
        with self.database.transaction() as session:
            service.give_back(session, account_id=account, hold_id=hold, now=self.clock())

    def settle(self, booking, happened):
        """What the money does: paid, refused or refunded; or overdue, its time is over."""
        with self.database.transaction() as session:
            service.settle(session, booking, happened, places_of=places_of)

    def cancel(self, booking, account="ada"):
        with self.database.transaction() as session:
            found = service.find(session, account_id=account, booking_id=booking, locked=True)
            service.cancel(session, found, places=places_of(found.seats))

    def overdue(self):
        """The ids of the bookings whose time to pay is over."""
        with self.database.reading() as session:
            return service.overdue(session, self.clock() - PENDING_FOR)

    def forget(self):
        """Drop what has expired."""
        with self.database.transaction() as session:
            service.forget(session, self.clock())

    def dispose(self):
        self.database.dispose()


def places_of(seats):
    """Seats of the event, as the copy of the catalog has them."""
    return [
        SimpleNamespace(
            id=seat,
            event_id="event",
            position=number,
            section="Floor",
            row="A",
            number=number,
            price=PRICE,
        )
        for number, seat in enumerate(seats, 1)
    ]

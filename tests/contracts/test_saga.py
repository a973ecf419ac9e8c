"""Every order in which the messages of one booking can be processed, in a model: the two state
machines are those of the code, the provider and the delivery of messages are imitated.

A message may come again, or after a later one. A process may die after the provider has charged or
refunded and before it has committed. The provider may charge long after a request whose answer is
lost."""

from dataclasses import dataclass, replace
from itertools import chain

import pytest

from extracted.bookings.handlers import HAPPENED
from extracted.bookings.messages import TYPES
from extracted.bookings.model import Booking
from extracted.payments.handlers import HANDLERS
from extracted.payments.model import TO_DO

STATES = {"paid": "charged", "refused": "refused", "closed": "refused"}
ENDS = ("confirmed", "declined", "cancelled")
ANSWERS = {"paid": "payment.authorised", "refused": "payment.declined"}


@dataclass(frozen=True)
class World:
    """One booking everywhere: what bookings and payments have stored, and what the provider did.

    key is what became of the hold's key: None, on its way, paid, refused or closed."""

    status: str = "pending"
    money: str = "none"
    key: str | None = None
    is_refunded: bool = False
    is_over: bool = False  # the time in which the booking may be paid
    freed: int = 0  # how often its seats were freed
    sent: frozenset = frozenset({"booking.requested"})
    processed: frozenset = frozenset()

    def publish(self, *types):
        assert not self.sent & set(types), f"{types} is published twice: {self}"
        return replace(self, sent=self.sent | set(types))

    @property
    def kept(self):
        return (self.key == "paid") - self.is_refunded


def advanced(world, happened):
    """The world after something has happened to the booking."""
    booking = Booking(
        id="b",
        account_id="a",
        event_id="e",
        hold_id="h",
        total=4500,
        currency="EUR",
        created_at=None,
        booked=[],
        status=world.status,
    )
    had_seats = booking.has_seats
    if not booking.advance(happened):
        return world
    world = replace(world, status=booking.status)
    if not had_seats:
        return world
    freed = world.freed + (not booking.has_seats)
    return replace(world, freed=freed).publish(TYPES[booking.status])


def asked(world, to_do):
    """The worlds after the provider was asked, before payments has committed."""
    if to_do == "charge":
        assert world.key != "closed", f"charged after all: {world}"
        outcomes = [world.key] if world.key in STATES else ["paid", "refused"]
        return [replace(world, key=outcome) for outcome in outcomes]
    if to_do == "close":
        world = world if world.key in STATES else replace(world, key="closed")
    is_refunded = world.is_refunded or world.key == "paid"
    return [replace(world, is_refunded=is_refunded)]


def paid(world, type):
    """[(world, whether its process died)] after payments has processed a message."""
    to_do = TO_DO.get((world.money, type))
    if to_do is None or (to_do == "charge" and world.is_over):
        return [(world, False)]
    worlds = []
    if to_do == "charge" and world.key is None:
        worlds.append((replace(world, key="on its way"), True))
    for after in asked(world, to_do):
        worlds.append((after, True))
        types = []
        if to_do in ("charge", "close"):
            types.append(ANSWERS.get(after.key, "payment.declined"))
        if after.is_refunded:
            types.append("payment.refunded")
        money = "refunded" if after.is_refunded else STATES[after.key]
        worlds.append((replace(after, money=money).publish(*types), False))
    return worlds


def next_worlds(world):
    """Every world that can come next."""
    if world.key == "on its way":
        yield replace(world, key="paid")
        yield replace(world, key="refused")
    yield replace(world, is_over=True)
    if world.is_over:
        yield advanced(world, "overdue")
    if world.status == "confirmed":
        yield advanced(world, "cancelled")
    for type in world.sent:
        done = world.processed | {type}
        if type in HAPPENED:
            yield replace(advanced(world, HAPPENED[type]), processed=done)
        elif type in HANDLERS:
            for after, has_died in paid(world, type):
                yield after if has_died else replace(after, processed=done)
        else:
            yield replace(world, processed=done)


@pytest.fixture(scope="module")
def worlds():
    """{world: the worlds that can come next} of all that can be reached."""
    found = {}
    new = {World()}
    while new:
        found |= {world: set(next_worlds(world)) for world in new}
        new = set(chain.from_iterable(map(found.get, new))) - found.keys()
    return found


def at_rest(world):
    """Whether nothing is on its way, and no message waits."""
    return world.sent == world.processed and world.key != "on its way"


def test_a_seat_is_free_exactly_when_its_booking_has_ended(worlds):
    for world in worlds:
        assert world.freed == (world.status not in ("pending", "confirmed")), world


def test_only_its_customer_ends_a_confirmed_booking(worlds):
    changes = {
        (world.status, after.status)
        for world, nexts in worlds.items()
        for after in nexts
        if world.status != after.status
    }

    assert changes == {
        ("pending", "confirmed"),
        ("pending", "declined"),
        ("confirmed", "cancelling"),
        ("cancelling", "cancelled"),
    }


def test_nobody_pays_twice_or_gets_back_more_than_was_paid(worlds):
    assert {world.kept for world in worlds} == {0, 1}


def test_money_agrees_with_the_booking_when_all_is_processed(worlds):
    ends = {
        (world.status, world.key == "paid", world.is_refunded)
        for world in worlds
        if at_rest(world) and world.status != "pending"
    }

    assert ends == {
        ("confirmed", True, False),
        ("cancelled", True, True),
        ("declined", False, False),
        ("declined", True, True),
    }


def test_every_booking_can_come_to_its_end(worlds):
    can_end = {world for world in worlds if at_rest(world) and world.status in ENDS}
    before = set()

    while can_end != before:
        before = can_end
        can_end = can_end | {world for world, nexts in worlds.items() if nexts & can_end}

    assert worlds.keys() - can_end == set()


def test_the_orders_include_what_can_go_wrong(worlds):
    assert any(world.kept and world.status == "declined" for world in worlds)
    assert any(world.key == "closed" for world in worlds)
    assert any(world.key == "on its way" and world.status == "declined" for world in worlds)

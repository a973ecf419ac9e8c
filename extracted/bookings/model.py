from datetime import datetime

from sqlalchemy import ARRAY, ForeignKey, Index, String, text, true
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, mapped_column, relationship

from extracted.bookings.refusals import NotConfirmed
from kit.checks import as_text
from kit.database import MOMENT

# The life of a booking: {(status, what happened): the next status}. Anything else that happens came
# twice, or too late, and changes nothing.
TRANSITIONS = {
    ("pending", "paid"): "confirmed",
    ("pending", "refused"): "declined",
    ("pending", "overdue"): "declined",
    ("confirmed", "cancelled"): "cancelling",
    ("cancelling", "refunded"): "cancelled",
}
HAVE_SEATS = ("pending", "confirmed")


class Base(MappedAsDataclass, DeclarativeBase):
    """The base of this service's tables: other services have tables with the same names."""


class BookedSeat(Base):
    """A seat of a booking, with its position in the plan."""

    __tablename__ = "booking_seats"

    seat_id: Mapped[str] = mapped_column(primary_key=True, index=True)
    position: Mapped[int | None]
    booking_id: Mapped[str] = mapped_column(
        ForeignKey("bookings.id"), primary_key=True, default=None
    )


class Booking(Base):
    """Seats for an account: pending until they are paid for, and perhaps cancelled later."""

    __tablename__ = "bookings"

    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str]
    event_id: Mapped[str] = mapped_column(index=True)
    hold_id: Mapped[str] = mapped_column(unique=True)
    total: Mapped[int]
    currency: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(MOMENT)
    booked: Mapped[list[BookedSeat]] = relationship(lazy="selectin")
    status: Mapped[str] = mapped_column(default="pending")
    version: Mapped[int] = mapped_column(default=0, server_default="0")

    @property
    def seats(self):
        """The ids of the seats, in the order of the plan."""
        return [each.seat_id for each in sorted(self.booked, key=lambda each: each.position)]

    @property
    def has_seats(self):
        """Whether nobody else can have its seats."""
        return self.status in HAVE_SEATS

    def advance(self, happened):
        """Change the status because of what happened; False if that changes nothing."""
        status = TRANSITIONS.get((self.status, happened))
        if status is None:
            return False
        self.status = status
        return True

    def cancel(self):
        """Begin to cancel it; NotConfirmed unless it is confirmed."""
        if not self.advance("cancelled"):
            raise NotConfirmed(self.status)

    def as_json(self):
        return {
            "id": self.id,
            "event_id": self.event_id,
            "seats": self.seats,
            "total": self.total,
            "currency": self.currency,
            "status": self.status,
            "created_at": as_text(self.created_at),
        }


Index("bookings_account", Booking.account_id, Booking.created_at, Booking.id)
Index("bookings_pending", Booking.created_at, postgresql_where=text("status = 'pending'"))


class Hold(Base):
    """Seats that an account keeps until expires_at, or until they are booked."""

    __tablename__ = "holds"

    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str]
    event_id: Mapped[str]
    seats: Mapped[list[str]] = mapped_column(ARRAY(String))
    total: Mapped[int]
    currency: Mapped[str]
    expires_at: Mapped[datetime] = mapped_column(MOMENT, index=True)
    used: Mapped[bool] = mapped_column(default=False)

    def as_json(self):
        return {
            "id": self.id,
            "event_id": self.event_id,
            "seats": self.seats,
            "total": self.total,
            "currency": self.currency,
            "expires_at": as_text(self.expires_at),
        }


class Claim(Base):
    """A seat that a hold keeps until a moment, or a booking for ever. Other seats are free."""

    __tablename__ = "claims"

    seat_id: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(index=True)
    hold_id: Mapped[str | None] = mapped_column(
        ForeignKey("holds.id", ondelete="CASCADE"), index=True
    )
    until: Mapped[datetime] = mapped_column(MOMENT)


class IdempotencyKey(Base):
    """The booking that an account's request with this key made.

    fingerprint is a hash of the request's body: a repeat must have the same."""

    __tablename__ = "idempotency_keys"

    account_id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    booking_id: Mapped[str] = mapped_column(ForeignKey("bookings.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(MOMENT)


class Event(Base):
    """What a hold needs of an event: a copy, from the topic of the catalog."""

    __tablename__ = "events"

    id: Mapped[str] = mapped_column(primary_key=True)
    starts_at: Mapped[datetime] = mapped_column(MOMENT)
    currency: Mapped[str]
    version: Mapped[int]


class Seat(Base):
    """A seat of an event, where it is and what it costs: a copy, from the topic of the catalog."""

    __tablename__ = "seats"

    id: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(ForeignKey("events.id"))
    position: Mapped[int]
    section: Mapped[str]
    row: Mapped[str]
    number: Mapped[int]
    price: Mapped[int]


Index("seats_event_position", Seat.event_id, Seat.position, unique=True)


class Epoch(Base):
    """Whether this side may write, in one row; the number grows with each change of sides.

    Triggers on holds, claims, bookings, booked seats and idempotency keys read it."""

    __tablename__ = "epoch"

    number: Mapped[int]
    is_open: Mapped[bool]
    id: Mapped[bool] = mapped_column(primary_key=True, default=True, server_default=true())

from datetime import datetime

from sqlalchemy import ARRAY, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from kit.checks import as_text
from kit.database import MOMENT, Base
from monolith.bookings.refusals import NotConfirmed


class BookedSeat(Base):
    """A seat of a booking, with its position in the plan."""

    __tablename__ = "booking_seats"

    seat_id: Mapped[str] = mapped_column(primary_key=True, index=True)
    position: Mapped[int | None]
    booking_id: Mapped[str] = mapped_column(
        ForeignKey("bookings.id"), primary_key=True, default=None
    )


class Booking(Base):
    """Seats for an account: pending, then confirmed or declined, and perhaps cancelled later."""

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
    # until a snapshot publishes it: 0, or what was published before a way back to step 05, negative
    version: Mapped[int] = mapped_column(default=0, server_default="0")

    @property
    def seats(self):
        """The ids of the seats, in the order of the plan."""
        return [each.seat_id for each in sorted(self.booked, key=lambda each: each.position)]

    def settle(self, *, paid):
        """Confirm it if it is paid for, else decline it."""
        self.status = "confirmed" if paid else "declined"
        self.version = abs(self.version) + 1

    def cancel(self):
        """Cancel it; NotConfirmed unless it is confirmed."""
        if self.status != "confirmed":
            raise NotConfirmed(self.status)
        self.status = "cancelled"
        self.version = abs(self.version) + 1

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


class Hold(Base):
    """Seats that an account keeps until expires_at, and longer while a booking of them runs."""

    __tablename__ = "holds"

    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str]
    event_id: Mapped[str]
    seats: Mapped[list[str]] = mapped_column(ARRAY(String))
    total: Mapped[int]
    currency: Mapped[str]
    expires_at: Mapped[datetime] = mapped_column(MOMENT, index=True)
    used: Mapped[bool] = mapped_column(default=False)

    def needs_money(self):
        """Whether a card is charged when it is booked."""
        return self.total > 0 and not self.used

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

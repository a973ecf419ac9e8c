from datetime import datetime

from sqlalchemy import ARRAY, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from monolith.db import MOMENT, Base
from monolith.fields import as_text
from monolith.refusals import Conflict


class BookedSeat(Base):
    """A seat of a booking."""

    __tablename__ = "booking_seats"

    seat_id: Mapped[str] = mapped_column(primary_key=True, index=True)
    booking_id: Mapped[str] = mapped_column(ForeignKey("bookings.id"), primary_key=True, default=None)


class Booking(Base):
    """Seats that an account asked for: pending, then confirmed or declined, and perhaps cancelled later."""

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
        return [each.seat_id for each in self.booked]

    def settle(self, *, paid):
        """Confirmed if it is paid for, else declined."""
        self.status = "confirmed" if paid else "declined"

    def cancel(self):
        """Conflict unless confirmed."""
        if self.status != "confirmed":
            raise Conflict(f"This booking is {self.status}; only a confirmed one can be cancelled.", kind="not-confirmed")
        self.status = "cancelled"

    def as_json(self, positions):
        """What its owner sees, with the seats in the order of their positions in the plan."""
        return {
            "id": self.id,
            "event_id": self.event_id,
            "seats": sorted(self.seats, key=positions.get),
            "total": self.total,
            "currency": self.currency,
            "status": self.status,
            "created_at": as_text(self.created_at),
        }


Index("bookings_account", Booking.account_id, Booking.created_at, Booking.id)


class Hold(Base):
    """Seats that are kept for an account until expires_at, and beyond that while a booking of them is under way."""

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
    """A seat that is out of others' reach until then: by a hold, or for ever by a booking. A seat without one is free."""

    __tablename__ = "claims"

    seat_id: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(index=True)
    hold_id: Mapped[str | None] = mapped_column(ForeignKey("holds.id", ondelete="CASCADE"), index=True)
    until: Mapped[datetime] = mapped_column(MOMENT)


class IdempotencyKey(Base):
    """Which booking an account's request with this key made; fingerprint tells whether a repeat asks for the same."""

    __tablename__ = "idempotency_keys"

    account_id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    booking_id: Mapped[str] = mapped_column(ForeignKey("bookings.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(MOMENT)

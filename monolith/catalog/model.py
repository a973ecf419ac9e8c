from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from kit.database import MOMENT, Base

LARGEST_PRICE = 10_000_000
LEAST_PRICES = {"EUR": 50, "USD": 50, "GBP": 30, "CHF": 50, "SEK": 300}  # or 0


class Section(Base):
    """A part of a venue, with as many numbered seats in each lettered row."""

    __tablename__ = "sections"

    id: Mapped[str] = mapped_column(primary_key=True)
    venue_id: Mapped[str] = mapped_column(ForeignKey("venues.id"), index=True)
    position: Mapped[int]
    name: Mapped[str]
    rows: Mapped[int]
    seats_per_row: Mapped[int]

    def places(self):
        """(row, number) of every seat, from the front."""
        return [
            (row_name(row), number + 1)
            for row in range(self.rows)
            for number in range(self.seats_per_row)
        ]

    def as_json(self):
        return {"name": self.name, "rows": self.rows, "seats_per_row": self.seats_per_row}


class Venue(Base):
    __tablename__ = "venues"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    city: Mapped[str]
    country: Mapped[str]
    sections: Mapped[list[Section]] = relationship(
        order_by=Section.position, lazy="selectin", default_factory=list
    )

    def as_json(self):
        sections = [section.as_json() for section in self.sections]
        return {
            "id": self.id,
            "name": self.name,
            "city": self.city,
            "country": self.country,
            "sections": sections,
        }


class Event(Base):
    """A concert at a venue; capacity is the number of its seats, where it is known."""

    __tablename__ = "events"

    id: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    artist: Mapped[str]
    genre: Mapped[str]
    venue_id: Mapped[str] = mapped_column(ForeignKey("venues.id"), index=True)
    starts_at: Mapped[datetime] = mapped_column(MOMENT)
    currency: Mapped[str]
    capacity: Mapped[int | None] = mapped_column(default=None)
    version: Mapped[int] = mapped_column(default=0, server_default="0")
    venue: Mapped[Venue] = relationship(init=False)


Index("events_starts_at", Event.starts_at, Event.id)


class Seat(Base):
    """A seat of an event: where it is, and what it costs."""

    __tablename__ = "seats"

    id: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(ForeignKey("events.id"))
    position: Mapped[int]
    section: Mapped[str]
    row: Mapped[str]
    number: Mapped[int]
    price: Mapped[int]


Index("seats_event_position", Seat.event_id, Seat.position, unique=True)
Index("seats_event_price", Seat.event_id, Seat.price)


class SoldSeats(Base):
    """How many seats a booking has: a copy, from the topic of bookings.

    The row of a declined or cancelled booking stays, without seats, so that an older message does
    not bring them back."""

    __tablename__ = "sold_seats"

    booking_id: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(index=True)
    seats: Mapped[int]
    version: Mapped[int]


def row_name(index):
    """A to Z, then AA to ZZ."""
    return chr(65 + index) if index < 26 else row_name(index // 26 - 1) + row_name(index % 26)

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from kit.database import MOMENT, Base


class Mail(Base):
    """A mail that was sent: welcome, or the confirmation of a booking."""

    __tablename__ = "mails"

    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(index=True)
    kind: Mapped[str]
    sent_at: Mapped[datetime] = mapped_column(MOMENT)
    booking_id: Mapped[str | None] = mapped_column(index=True, default=None)


class Address(Base):
    """Where the mail of an account goes: a copy, from the topic of accounts."""

    __tablename__ = "addresses"

    account_id: Mapped[str] = mapped_column(primary_key=True)
    email: Mapped[str]
    name: Mapped[str]
    version: Mapped[int]


class Cancellation(Base):
    """A booking that was cancelled: a copy, from the topic of bookings."""

    __tablename__ = "cancellations"

    booking_id: Mapped[str] = mapped_column(primary_key=True)


class Concert(Base):
    """What a confirmation says about an event: a copy, from the topic of the catalog."""

    __tablename__ = "concerts"

    event_id: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    artist: Mapped[str]
    venue_name: Mapped[str]
    city: Mapped[str]
    starts_at: Mapped[datetime] = mapped_column(MOMENT)
    version: Mapped[int]

from datetime import datetime

from sqlalchemy import DateTime
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, mapped_column

MOMENT = DateTime(timezone=True)


class Base(MappedAsDataclass, DeclarativeBase):
    """The tables of notifications."""


class Mail(Base):
    """A mail that was sent: welcome, or the confirmation of a booking."""

    __tablename__ = "mails"

    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str]
    kind: Mapped[str]
    sent_at: Mapped[datetime] = mapped_column(MOMENT)
    booking_id: Mapped[str | None] = mapped_column(default=None)


class Address(Base):
    """Where an account's mail goes: a copy of what accounts has said."""

    __tablename__ = "addresses"

    account_id: Mapped[str] = mapped_column(primary_key=True)
    email: Mapped[str]
    name: Mapped[str]
    version: Mapped[int]


class Concert(Base):
    """What a confirmation says of an event: a copy of what the catalog has said."""

    __tablename__ = "concerts"

    event_id: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    artist: Mapped[str]
    venue_name: Mapped[str]
    city: Mapped[str]
    starts_at: Mapped[datetime] = mapped_column(MOMENT)
    version: Mapped[int]

from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, mapped_column

from kit.database import MOMENT


class Base(MappedAsDataclass, DeclarativeBase):
    """The base of this service's tables: other services have tables with the same names."""


class Purchase(Base):
    """Who has booked which event: a copy, from the topic of bookings.

    The row of a cancelled booking stays, so that an older message does not bring it back."""

    __tablename__ = "purchases"

    booking_id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str]
    event_id: Mapped[str]
    confirmed: Mapped[bool]
    version: Mapped[int]


Index(
    "purchases_account",
    Purchase.account_id,
    Purchase.event_id,
    postgresql_where=Purchase.confirmed,
)
Index(
    "purchases_event",
    Purchase.event_id,
    Purchase.account_id,
    postgresql_where=Purchase.confirmed,
)


class Concert(Base):
    """What a recommendation says about an event: a copy, from the topic of the catalog."""

    __tablename__ = "concerts"

    event_id: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    artist: Mapped[str]
    genre: Mapped[str]
    starts_at: Mapped[datetime] = mapped_column(MOMENT)
    version: Mapped[int]

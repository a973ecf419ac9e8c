from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from kit.database import Base


class Taste(Base):
    """How many confirmed bookings of an event an account has.

    Each account and event has a row of its own, so bookings do not wait for each other here."""

    __tablename__ = "tastes"

    account_id: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(primary_key=True)
    bookings: Mapped[int]


Index("tastes_event", Taste.event_id, Taste.account_id)

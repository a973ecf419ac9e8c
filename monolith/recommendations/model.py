from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from monolith.db import Base


class Taste(Base):
    """How many confirmed bookings of an event an account has: a row of its own for each, so that bookings never wait for each other here."""

    __tablename__ = "tastes"

    account_id: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(primary_key=True)
    bookings: Mapped[int]


Index("tastes_event", Taste.event_id, Taste.account_id)

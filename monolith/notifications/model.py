from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from kit.database import MOMENT, Base


class Mail(Base):
    """A mail that was sent: welcome, or the confirmation of a booking."""

    __tablename__ = "mails"

    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), index=True)
    kind: Mapped[str]
    sent_at: Mapped[datetime] = mapped_column(MOMENT)
    booking_id: Mapped[str | None] = mapped_column(
        ForeignKey("bookings.id"), index=True, default=None
    )

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

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from kit.checks import as_text
from kit.database import MOMENT, Base

VERSIONS = {"charge": 1, "refund": 2}  # of the money of one booking, which is one aggregate


class Customer(Base):
    """An account as the payment provider knows it."""

    __tablename__ = "customers"

    account_id: Mapped[str] = mapped_column(primary_key=True)
    provider_id: Mapped[str]


class Payment(Base):
    """A charge or a refund of a booking; provider_id is None for one at the box office."""

    __tablename__ = "payments"

    id: Mapped[str] = mapped_column(primary_key=True)
    booking_id: Mapped[str] = mapped_column(index=True)
    account_id: Mapped[str | None]
    kind: Mapped[str]
    amount: Mapped[int]
    currency: Mapped[str]
    status: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(MOMENT)
    provider_id: Mapped[str | None] = mapped_column(default=None)
    version: Mapped[int] = mapped_column(default=0, server_default="0")

    def refunded(self, *, id, now):
        """The refund of this charge."""
        return Payment(
            id=id,
            booking_id=self.booking_id,
            account_id=self.account_id,
            kind="refund",
            amount=self.amount,
            currency=self.currency,
            status="succeeded",
            created_at=now,
            provider_id=self.provider_id,
            version=VERSIONS["refund"],
        )

    def as_json(self):
        return {
            "id": self.id,
            "booking_id": self.booking_id,
            "kind": self.kind,
            "amount": self.amount,
            "currency": self.currency,
            "status": self.status,
            "created_at": as_text(self.created_at),
        }

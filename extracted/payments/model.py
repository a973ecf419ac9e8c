from datetime import datetime

from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, mapped_column

from kit.checks import as_text
from kit.database import MOMENT

VERSIONS = {"charge": 1, "refund": 2}  # of the money of one booking, which is one aggregate
# What a message about a booking means for its money: {(state, message): what to do}. Any other
# message came twice, or too late, and means nothing.
TO_DO = {
    ("none", "booking.requested"): "charge",
    ("none", "booking.declined"): "close",
    ("charged", "booking.declined"): "refund",
    ("charged", "booking.cancelled"): "refund",
}


def state_of(payments):
    """The state of a booking's money, by its payments: none, charged, refused or refunded."""
    ended = {(payment.kind, payment.status) for payment in payments}
    if ("refund", "succeeded") in ended:
        return "refunded"
    if ("charge", "succeeded") in ended:
        return "charged"
    return "refused" if ended else "none"


class Base(MappedAsDataclass, DeclarativeBase):
    """The base of this service's tables: other services have tables with the same names."""


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


class AccountName(Base):
    """The name of an account: a copy, from the topic of accounts."""

    __tablename__ = "account_names"

    account_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    version: Mapped[int]

"""The payments of the sample data: each booking was paid at the box office."""

from sqlalchemy import insert

from monolith.payments.model import Payment


def load(session, sample):
    """Store a charge for each booking."""
    rows = [
        {
            "id": sample.id("payment", booking["id"]),
            "booking_id": booking["id"],
            "account_id": booking["account_id"],
            "kind": "charge",
            "amount": booking["total"],
            "currency": booking["currency"],
            "status": "succeeded",
            "created_at": booking["created_at"],
        }
        for booking in sample.sales
    ]
    if rows:
        session.execute(insert(Payment), rows)

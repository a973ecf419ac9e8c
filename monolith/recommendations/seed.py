"""The tastes of the sample data: what each customer has booked."""

from collections import Counter

from sqlalchemy import insert

from monolith.recommendations.model import Taste


def load(session, sample):
    """Store how often each customer has booked each event."""
    times = Counter((booking["account_id"], booking["event_id"]) for booking in sample.sales)
    rows = [
        {"account_id": account_id, "event_id": event_id, "bookings": count}
        for (account_id, event_id), count in times.items()
    ]
    if rows:
        session.execute(insert(Taste), rows)

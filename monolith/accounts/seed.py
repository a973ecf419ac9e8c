"""The accounts of the sample data: a fan, an organiser, and more customers."""

from datetime import timedelta

from sqlalchemy import insert

from monolith.accounts.model import Account
from monolith.accounts.passwords import hashed


def load(session, sample):
    """Store the accounts; the customers' ids go to the sample, the fan's first."""
    fan_hash = hashed(sample.fan_password)
    organiser_hash = hashed(sample.organiser_password)
    rows = [
        _row(sample, "fan", "Fan", fan_hash),
        _row(sample, "organiser", "Organiser", organiser_hash, role="organiser"),
    ]
    rows += [
        _row(sample, f"customer{number}", f"Customer {number}", fan_hash)
        for number in range(3, sample.accounts + 1)
    ]
    session.execute(insert(Account), rows)
    sample.customers = [row["id"] for row in rows if row["role"] == "customer"]


def _row(sample, user, name, password_hash, role="customer"):
    email = f"{user}@encore.example"
    return {
        "id": sample.id("account", email),
        "email": email,
        "name": name,
        "password_hash": password_hash,
        "created_at": sample.today - timedelta(days=100),
        "role": role,
    }

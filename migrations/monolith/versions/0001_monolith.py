"""The tables of the monolith, shared by all its modules."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

MOMENT = sa.DateTime(timezone=True)


def key(name="id"):
    return sa.Column(name, sa.String, primary_key=True)


def text(name, **more):
    return sa.Column(name, sa.String, nullable=False, **more)


def number(name):
    return sa.Column(name, sa.Integer, nullable=False)


def moment(name):
    return sa.Column(name, MOMENT, nullable=False)


def link(name, target, **more):
    return sa.Column(name, sa.String, sa.ForeignKey(target), **{"nullable": False, **more})


def upgrade():
    op.create_table(
        "accounts",
        key(),
        text("email"),
        text("name"),
        text("password_hash"),
        moment("created_at"),
        text("role"),
        sa.Column("customer_id", sa.String),
    )
    op.create_index("accounts_email", "accounts", [sa.text("lower(email)")], unique=True)
    op.create_table("venues", key(), text("name"), text("city"), text("country"))
    op.create_table(
        "sections",
        key(),
        link("venue_id", "venues.id", index=True),
        number("position"),
        text("name"),
        number("rows"),
        number("seats_per_row"),
    )
    op.create_table(
        "events",
        key(),
        text("title"),
        text("artist"),
        text("genre"),
        link("venue_id", "venues.id", index=True),
        moment("starts_at"),
        text("currency"),
    )
    op.create_index("events_starts_at", "events", ["starts_at", "id"])
    op.create_table(
        "seats",
        key(),
        link("event_id", "events.id"),
        number("position"),
        text("section"),
        text("row"),
        number("number"),
        number("price"),
        text("status"),
    )
    op.create_index("seats_event_position", "seats", ["event_id", "position"], unique=True)
    op.create_index("seats_event_price", "seats", ["event_id", "price"])
    op.create_table(
        "bookings",
        key(),
        link("account_id", "accounts.id"),
        link("event_id", "events.id", index=True),
        text("hold_id", unique=True),
        number("total"),
        text("currency"),
        moment("created_at"),
        text("status"),
    )
    op.create_index("bookings_account", "bookings", ["account_id", "created_at", "id"])
    op.create_table(
        "booking_seats",
        link("booking_id", "bookings.id", primary_key=True),
        link("seat_id", "seats.id", primary_key=True, index=True),
    )
    op.create_table(
        "idempotency_keys",
        link("account_id", "accounts.id", primary_key=True),
        key("key"),
        text("fingerprint"),
        link("booking_id", "bookings.id", index=True),
        moment("created_at"),
    )
    op.create_table(
        "payments",
        key(),
        link("booking_id", "bookings.id", index=True),
        text("kind"),
        number("amount"),
        text("currency"),
        text("status"),
        moment("created_at"),
        sa.Column("provider_id", sa.String),
    )
    op.create_table(
        "mails",
        key(),
        link("account_id", "accounts.id", index=True),
        text("kind"),
        moment("sent_at"),
        link("booking_id", "bookings.id", index=True, nullable=True),
    )


def downgrade():
    for table in (
        "mails",
        "payments",
        "idempotency_keys",
        "booking_seats",
        "bookings",
        "seats",
        "events",
        "sections",
        "venues",
        "accounts",
    ):
        op.drop_table(table)

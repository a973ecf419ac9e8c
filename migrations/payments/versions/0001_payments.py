"""The tables of payments: money, copies, the outbox, the inbox, dead letters.

Customers and payments have the columns that they have in the monolith, so that their rows can be
copied as they are."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

MOMENT = sa.DateTime(timezone=True)
NOW = {"nullable": False, "server_default": sa.func.clock_timestamp()}
UNPUBLISHED = {"postgresql_where": "published_at is null"}


def text(name, **more):
    return sa.Column(name, sa.String, **{"nullable": False, **more})


def number(name, **more):
    return sa.Column(name, sa.Integer, nullable=False, **more)


def upgrade():
    op.create_table("customers", text("account_id", primary_key=True), text("provider_id"))
    op.create_table(
        "payments",
        text("id", primary_key=True),
        text("booking_id", index=True),
        text("account_id", nullable=True),
        text("kind"),
        number("amount"),
        text("currency"),
        text("status"),
        sa.Column("created_at", MOMENT, nullable=False),
        text("provider_id", nullable=True),
        number("version", server_default="0"),
    )
    op.create_table(
        "account_names", text("account_id", primary_key=True), text("name"), number("version")
    )
    op.create_table(
        "ended_sessions",
        text("sid", primary_key=True),
        sa.Column("expires_at", MOMENT, nullable=False, index=True),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        *(text(name) for name in ("message_id", "topic", "type", "key")),
        sa.Column("data", postgresql.JSONB, nullable=False),
        text("traceparent"),
        sa.Column("snapshot", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("recorded_at", MOMENT, **NOW),
        sa.Column("published_at", MOMENT),
    )
    op.create_index("outbox_unpublished", "outbox", ["id"], **UNPUBLISHED)
    op.create_index("outbox_published", "outbox", ["published_at"])
    op.create_table(
        "inbox",
        text("consumer", primary_key=True),
        text("message_id", primary_key=True),
        sa.Column("received_at", MOMENT, **NOW),
    )
    op.create_table(
        "dead_letters",
        text("consumer", primary_key=True),
        text("topic", primary_key=True),
        sa.Column("partition", sa.Integer, primary_key=True),
        sa.Column("offset", sa.BigInteger, primary_key=True),
        sa.Column("key", sa.LargeBinary),
        sa.Column("value", sa.LargeBinary),
        sa.Column("headers", postgresql.JSONB, nullable=False),
        text("cause"),
        sa.Column("failed_at", MOMENT, **NOW),
        sa.Column("next_try", MOMENT),
    )


def downgrade():
    for table in (
        "dead_letters",
        "inbox",
        "outbox",
        "ended_sessions",
        "account_names",
        "payments",
        "customers",
    ):
        op.drop_table(table)

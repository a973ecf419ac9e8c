"""The tables of recommendations: copies, the inbox, dead letters."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

MOMENT = sa.DateTime(timezone=True)
NOW = {"nullable": False, "server_default": sa.func.clock_timestamp()}


def text(name, **more):
    return sa.Column(name, sa.String, nullable=False, **more)


def version():
    return sa.Column("version", sa.Integer, nullable=False)


def upgrade():
    op.create_table(
        "purchases",
        text("booking_id", primary_key=True),
        text("account_id"),
        text("event_id"),
        sa.Column("confirmed", sa.Boolean, nullable=False),
        version(),
    )
    only = {"postgresql_where": "confirmed"}
    op.create_index("purchases_account", "purchases", ["account_id", "event_id"], **only)
    op.create_index("purchases_event", "purchases", ["event_id", "account_id"], **only)
    op.create_table(
        "concerts",
        text("event_id", primary_key=True),
        *(text(name) for name in ("title", "artist", "genre")),
        sa.Column("starts_at", MOMENT, nullable=False),
        version(),
    )
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
    for table in ("dead_letters", "inbox", "concerts", "purchases"):
        op.drop_table(table)

"""The tables of notifications: mails, copies, the inbox, dead letters."""

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
        "mails",
        text("id", primary_key=True),
        text("account_id", index=True),
        text("kind"),
        sa.Column("sent_at", MOMENT, nullable=False),
        sa.Column("booking_id", sa.String, index=True),
    )
    op.create_table(
        "addresses", text("account_id", primary_key=True), text("email"), text("name"), version()
    )
    op.create_table(
        "concerts",
        text("event_id", primary_key=True),
        *(text(name) for name in ("title", "artist", "venue_name", "city")),
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
    for table in ("dead_letters", "inbox", "concerts", "addresses", "mails"):
        op.drop_table(table)

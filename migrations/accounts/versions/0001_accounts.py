"""The tables of accounts: who signs in, sessions that have ended, the outbox.

Accounts and ended sessions have the columns that they have in the monolith, so that PostgreSQL can
replicate their rows as they are. The service consumes no topic, so it has no inbox."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

MOMENT = sa.DateTime(timezone=True)
NOW = {"nullable": False, "server_default": sa.func.clock_timestamp()}
UNPUBLISHED = {"postgresql_where": "published_at is null"}


def text(name, **more):
    return sa.Column(name, sa.String, nullable=False, **more)


def moment(name, **more):
    return sa.Column(name, MOMENT, nullable=False, **more)


def version():
    return sa.Column("version", sa.Integer, nullable=False, server_default="0")


def upgrade():
    op.create_table(
        "accounts",
        text("id", primary_key=True),
        *(text(name) for name in ("email", "name", "password_hash")),
        moment("created_at"),
        text("role"),
        version(),
    )
    op.create_index("accounts_email", "accounts", [sa.text("lower(email)")], unique=True)
    op.create_table(
        "ended_sessions",
        text("sid", primary_key=True),
        moment("expires_at", index=True),
        version(),
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


def downgrade():
    for table in ("outbox", "ended_sessions", "accounts"):
        op.drop_table(table)

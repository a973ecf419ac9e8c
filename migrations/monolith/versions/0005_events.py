"""The outbox, the inbox, dead letters, the version of each aggregate; and what step 05 left.

Only the code of step 04 used the triggers, the status of a seat and the customer of an account:
they are dropped. The code of step 05 goes on working and publishes nothing. Its rows keep the
version 0, by which `snapshot` knows them.

On the way back the versions of bookings become negative: copies elsewhere have seen them, and
ignore what is not newer. No other aggregate ever changes."""

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from kit.migration import beside_the_shop, build_index

revision = "0005"
down_revision = "0004"

MOMENT = sa.DateTime(timezone=True)
NOW = {"nullable": False, "server_default": sa.func.clock_timestamp()}
AGGREGATES = ("accounts", "ended_sessions", "events", "bookings", "payments")
PUBLISHERS = ("accounts", "catalog", "bookings", "payments")
SUBSCRIBERS = ("notifications", "payments", "recommendations")


def text(name, **more):
    return sa.Column(name, sa.String, nullable=False, **more)


def upgrade():
    with beside_the_shop():
        split().execute_each(split().UNSYNC)
        op.drop_column("seats", "status", if_exists=True)  # with the index on it
        op.drop_column("accounts", "customer_id", if_exists=True)
        for table in AGGREGATES:
            op.add_column(table, version(), if_not_exists=True)
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
    op.create_index("outbox_unpublished", "outbox", ["id"], postgresql_where="published_at is null")
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
    role = split().role
    for module in PUBLISHERS:
        op.execute(f"grant insert on outbox to {role(module)}")
    for module in SUBSCRIBERS:
        op.execute(f"grant select, insert on inbox, dead_letters to {role(module)}")
        op.execute(f"grant update, delete on dead_letters to {role(module)}")


def downgrade():
    with beside_the_shop():
        for table in AGGREGATES:
            if table != "bookings":
                op.drop_column(table, "version", if_exists=True)
        op.execute("update bookings set version = -version where version > 0")
        for table in ("dead_letters", "inbox", "outbox"):
            op.drop_table(table, if_exists=True)
        op.add_column("accounts", sa.Column("customer_id", sa.String), if_not_exists=True)
        op.execute(
            "update accounts set customer_id = provider_id from customers where account_id = id"
        )
        op.add_column("seats", text("status", server_default="free"), if_not_exists=True)
        op.execute(
            "update seats set status = 'sold' from claims where seat_id = id and until = 'infinity'"
        )
        split().execute_each(split().SYNC)
    build_index("seats_sold", "seats", ["event_id"], postgresql_where="status = 'sold'")


def version():
    return sa.Column("version", sa.Integer, nullable=False, server_default="0")


def split():
    """The migration that has the triggers and the roles."""
    return context.script.get_revision("0003").module

"""The tables of bookings: who has which seat, the copy of the catalog, ended sessions, the outbox,
the inbox, dead letters; and the epoch, which says whether this side may write.

Bookings, booked seats, holds, claims and idempotency keys have the columns that they have in the
monolith, so that PostgreSQL can replicate their rows as they are."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

MOMENT = sa.DateTime(timezone=True)
NOW = {"nullable": False, "server_default": sa.func.clock_timestamp()}
UNPUBLISHED = {"postgresql_where": "published_at is null"}
FENCED = ("holds", "claims", "bookings", "booking_seats", "idempotency_keys")
# A writer reads the epoch before it writes.
CHECK = """
create function check_epoch() returns trigger language plpgsql as $$
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'bookings are written in read committed only';
    end if;
    if not exists (select from epoch where is_open) then
        raise exception 'bookings are written elsewhere' using errcode = '57P03';
    end if;
    return null;
end $$
"""
TRIGGER = """
create trigger check_epoch before insert or update or delete on {table}
    for each statement execute function check_epoch()
"""


def text(name, **more):
    return sa.Column(name, sa.String, **{"nullable": False, **more})


def number(name, **more):
    return sa.Column(name, sa.Integer, **{"nullable": False, **more})


def moment(name, **more):
    return sa.Column(name, MOMENT, nullable=False, **more)


def link(name, target, **more):
    key = sa.ForeignKey(target, ondelete=more.pop("ondelete", None))
    return sa.Column(name, sa.String, key, **{"nullable": False, **more})


def upgrade():
    make_bookings()
    make_copies()
    make_messages()
    make_epoch()


def make_bookings():
    op.create_table(
        "bookings",
        text("id", primary_key=True),
        text("account_id"),
        text("event_id", index=True),
        text("hold_id", unique=True),
        number("total"),
        text("currency"),
        moment("created_at"),
        text("status"),
        number("version", server_default="0"),
    )
    op.create_index("bookings_account", "bookings", ["account_id", "created_at", "id"])
    pending = {"postgresql_where": "status = 'pending'"}
    op.create_index("bookings_pending", "bookings", ["created_at"], **pending)
    op.create_table(
        "booking_seats",
        link("booking_id", "bookings.id", primary_key=True),
        text("seat_id", primary_key=True, index=True),
        number("position", nullable=True),
    )
    op.create_table(
        "holds",
        text("id", primary_key=True),
        text("account_id"),
        text("event_id"),
        sa.Column("seats", sa.ARRAY(sa.String), nullable=False),
        number("total"),
        text("currency"),
        moment("expires_at", index=True),
        sa.Column("used", sa.Boolean, nullable=False),
    )
    op.create_table(
        "claims",
        text("seat_id", primary_key=True),
        text("event_id", index=True),
        link("hold_id", "holds.id", ondelete="CASCADE", nullable=True, index=True),
        moment("until"),
    )
    op.create_table(
        "idempotency_keys",
        text("account_id", primary_key=True),
        text("key", primary_key=True),
        text("fingerprint"),
        link("booking_id", "bookings.id", index=True),
        moment("created_at"),
    )


def make_copies():
    op.create_table(
        "events",
        text("id", primary_key=True),
        moment("starts_at"),
        text("currency"),
        number("version"),
    )
    op.create_table(
        "seats",
        text("id", primary_key=True),
        link("event_id", "events.id"),
        number("position"),
        text("section"),
        text("row"),
        number("number"),
        number("price"),
    )
    op.create_index("seats_event_position", "seats", ["event_id", "position"], unique=True)
    op.create_table(
        "ended_sessions",
        text("sid", primary_key=True),
        moment("expires_at", index=True),
    )


def make_messages():
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


def make_epoch():
    op.create_table(
        "epoch",
        sa.Column("id", sa.Boolean, primary_key=True, server_default=sa.true()),
        number("number"),
        sa.Column("is_open", sa.Boolean, nullable=False),
        sa.CheckConstraint("id", name="epoch_is_one_row"),
    )
    op.execute("insert into epoch (number, is_open) values (1, true)")
    op.execute(CHECK)
    for table in FENCED:
        op.execute(TRIGGER.format(table=table))


def downgrade():
    for table in (
        "dead_letters",
        "inbox",
        "outbox",
        "ended_sessions",
        "seats",
        "events",
        "idempotency_keys",
        "claims",
        "holds",
        "booking_seats",
        "bookings",
        "epoch",
    ):
        op.drop_table(table)
    op.execute("drop function check_epoch")

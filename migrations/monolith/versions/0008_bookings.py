"""Bookings leave: the catalog counts the seats that are sold, from the topic; and the epoch says
whether the monolith may still write bookings. The expand migration.

The monolith's tables of bookings stay, and stay open until the road closes them: the code of the
step before goes on writing to them, and does not know the new tables."""

import sqlalchemy as sa
from alembic import context, op

from kit.migration import beside_the_shop

revision = "0008"
down_revision = "0007"

FENCED = ("holds", "claims", "bookings", "booking_seats", "idempotency_keys")
# A writer reads the epoch before it writes.
CHECK = """
create or replace function check_epoch() returns trigger language plpgsql
    security definer set search_path from current as $$
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
create or replace trigger check_epoch before insert or update or delete on {table}
    for each statement execute function check_epoch()
"""


def upgrade():
    with beside_the_shop():
        op.create_table(
            "epoch",
            sa.Column("id", sa.Boolean, primary_key=True, server_default=sa.true()),
            sa.Column("number", sa.Integer, nullable=False),
            sa.Column("is_open", sa.Boolean, nullable=False),
            sa.CheckConstraint("id", name="epoch_is_one_row"),
            if_not_exists=True,
        )
        op.execute(
            "insert into epoch (number, is_open) values (1, true) on conflict (id) do nothing"
        )
        op.execute(CHECK)
        for table in FENCED:
            op.execute(TRIGGER.format(table=table))
    op.create_table(
        "sold_seats",
        sa.Column("booking_id", sa.String, primary_key=True),
        sa.Column("event_id", sa.String, nullable=False, index=True),
        sa.Column("seats", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
    )
    catalog = split().role("catalog")
    op.execute(f"grant select, insert, update on sold_seats to {catalog}")
    op.execute(f"grant select, insert on inbox, dead_letters to {catalog}")
    op.execute(f"grant update, delete on dead_letters to {catalog}")


def downgrade():
    with beside_the_shop():
        for table in FENCED:
            op.execute(f"drop trigger if exists check_epoch on {table}")
        op.execute("drop function if exists check_epoch")
        op.drop_table("epoch", if_exists=True)
    op.execute(f"revoke all on inbox, dead_letters from {split().role('catalog')}")
    op.drop_table("sold_seats")


def split():
    """The migration that has the triggers and the roles."""
    return context.script.get_revision("0003").module

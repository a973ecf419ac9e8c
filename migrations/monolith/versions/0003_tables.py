"""Each module gets its own tables, and a role with rights on these alone: the expand migration.

The status of a seat becomes a claim, which a booking keeps for ever. A customer of the payment
provider becomes a row of payments. A booked seat knows its position, a payment its account. While
the code of the step before still runs, triggers copy what either code writes to where the other
reads it."""

import sqlalchemy as sa
from alembic import op

from kit.migration import beside_the_shop

revision = "0003"
down_revision = "0002"

OWNERS = {
    "accounts": ("accounts", "ended_sessions"),
    "catalog": ("venues", "sections", "events", "seats"),
    "bookings": ("bookings", "booking_seats", "holds", "claims", "idempotency_keys"),
    "payments": ("payments", "customers"),
    "recommendations": ("tastes",),
    "notifications": ("mails",),
}
ACROSS = [
    ("bookings", "account_id", "accounts"),
    ("bookings", "event_id", "events"),
    ("booking_seats", "seat_id", "seats"),
    ("idempotency_keys", "account_id", "accounts"),
    ("payments", "booking_id", "bookings"),
    ("mails", "account_id", "accounts"),
    ("mails", "booking_id", "bookings"),
]
MAKE_ROLE = """
do $$ begin
    create role {role} nologin;
exception when duplicate_object then null;  -- another database of this owner has made it
end $$;
"""
SYNC = """
create or replace function seat_to_claim() returns trigger language plpgsql
    security definer set search_path from current as $$
begin
    if new.status = 'sold' then
        insert into claims (seat_id, event_id, until) values (new.id, new.event_id, 'infinity')
        on conflict (seat_id) do update set hold_id = null, until = 'infinity'
            where claims.until < 'infinity';
    else
        delete from claims where seat_id = new.id and until = 'infinity';
    end if;
    return null;
end $$;
create or replace trigger seat_to_claim after update of status on seats
    for each row when (old.status <> new.status) execute function seat_to_claim();

create or replace function claim_to_seat() returns trigger language plpgsql
    security definer set search_path from current as $$
begin
    if tg_op <> 'INSERT' and old.until = 'infinity'
        and (tg_op = 'DELETE' or new.until < 'infinity')
    then
        update seats set status = 'free' where id = old.seat_id and status <> 'free';
    elsif tg_op <> 'DELETE' and new.until = 'infinity' then
        update seats set status = 'sold' where id = new.seat_id and status <> 'sold';
    end if;
    return null;
end $$;
create or replace trigger claim_to_seat after insert or update of until or delete on claims
    for each row execute function claim_to_seat();

create or replace function account_to_customer() returns trigger language plpgsql
    security definer set search_path from current as $$
begin
    insert into customers (account_id, provider_id) values (new.id, new.customer_id)
        on conflict do nothing;
    return null;
end $$;
create or replace trigger account_to_customer after insert or update of customer_id on accounts
    for each row when (new.customer_id is not null) execute function account_to_customer();

create or replace function fill_booked_seat() returns trigger language plpgsql
    security definer set search_path from current as $$
begin
    new.position := (select position from seats where id = new.seat_id);
    return new;
end $$;
create or replace trigger fill_booked_seat before insert on booking_seats
    for each row when (new.position is null) execute function fill_booked_seat();

create or replace function fill_payment() returns trigger language plpgsql
    security definer set search_path from current as $$
begin
    new.account_id := (select account_id from bookings where id = new.booking_id);
    return new;
end $$;
create or replace trigger fill_payment before insert on payments
    for each row when (new.account_id is null) execute function fill_payment();
"""
UNSYNC = """
drop trigger if exists fill_payment on payments;
drop function if exists fill_payment;

drop trigger if exists fill_booked_seat on booking_seats;
drop function if exists fill_booked_seat;

drop trigger if exists account_to_customer on accounts;
drop function if exists account_to_customer;

drop trigger if exists claim_to_seat on claims;
drop function if exists claim_to_seat;

drop trigger if exists seat_to_claim on seats;
drop function if exists seat_to_claim;
"""


def upgrade():
    with beside_the_shop():
        op.create_table(
            "customers",
            sa.Column("account_id", sa.String, primary_key=True),
            sa.Column("provider_id", sa.String, nullable=False),
            if_not_exists=True,
        )
        op.add_column("booking_seats", sa.Column("position", sa.Integer), if_not_exists=True)
        op.add_column("payments", sa.Column("account_id", sa.String), if_not_exists=True)
        op.alter_column("claims", "hold_id", nullable=True)
        op.alter_column("seats", "status", server_default="free")
        execute_each(SYNC)
        for table, column, _ in ACROSS:
            op.drop_constraint(f"{table}_{column}_fkey", table, if_exists=True)
    for module, tables in OWNERS.items():
        op.execute(MAKE_ROLE.format(role=role(module)))
        op.execute(f"grant {role(module)} to current_user")
        op.execute(f"grant select, insert, update, delete on {', '.join(tables)} to {role(module)}")


def downgrade():
    for module, tables in OWNERS.items():
        op.execute(f"revoke all on {', '.join(tables)} from {role(module)}")
    with beside_the_shop():
        execute_each(UNSYNC)
        for table, column, target in ACROSS:
            key = f"{table}_{column}_fkey"
            op.execute(
                f"alter table {table} drop constraint if exists {key}, add constraint {key} "
                f"foreign key ({column}) references {target} not valid"
            )
            op.execute(f"alter table {table} validate constraint {key}")  # beside the writers
        op.execute(
            """update accounts set customer_id = provider_id from customers
               where account_id = id and customer_id is null"""
        )
        op.execute("delete from claims where hold_id is null")
        op.alter_column("seats", "status", server_default=None)
        op.alter_column("claims", "hold_id", nullable=False)
        op.drop_column("payments", "account_id", if_exists=True)
        op.drop_column("booking_seats", "position", if_exists=True)
    op.drop_table("customers")


def execute_each(statements):
    """Execute the paragraphs of a text, each in a transaction of its own."""
    for paragraph in statements.split("\n\n"):
        op.execute(paragraph)


def role(module):
    """The role of a module, quoted. It has its owner's name: a server may have several owners."""
    owner = op.get_bind().scalar(sa.text("select current_user"))
    return op.get_bind().dialect.identifier_preparer.quote(f"{owner}_{module}")

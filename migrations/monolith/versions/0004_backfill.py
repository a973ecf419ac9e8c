"""Backfill the rows from before the split: claims of sold seats, customers, positions, accounts.

It goes in batches. Each is a transaction of its own, and locks only the rows that it copies. Run
again after an interruption, it goes on."""

from alembic import op
from sqlalchemy import text

from kit.migration import beside_the_shop

revision = "0004"
down_revision = "0003"

BATCH = 1000
COPIES = {
    "sold seats": (
        "select id from seats where status = 'sold' and id > :after order by id limit :batch",
        """insert into claims (seat_id, event_id, until)
           select id, event_id, 'infinity' from seats
           where id = any(:ids) and status = 'sold' for update
           on conflict (seat_id) do update set hold_id = null, until = 'infinity'
           where claims.until < 'infinity'""",
    ),
    "customers": (
        """select id from accounts
           where customer_id is not null and id > :after order by id limit :batch""",
        """insert into customers (account_id, provider_id)
           select id, customer_id from accounts where id = any(:ids) for share
           on conflict do nothing""",
    ),
    "bookings with positions": (
        """select distinct booking_id from booking_seats
           where position is null and booking_id > :after order by booking_id limit :batch""",
        """update booking_seats set position = seats.position from seats
           where seats.id = seat_id and booking_id = any(:ids)""",
    ),
    "payments with accounts": (
        """select id from payments
           where account_id is null and id > :after order by id limit :batch""",
        """update payments set account_id = bookings.account_id from bookings
           where bookings.id = booking_id and payments.id = any(:ids)""",
    ),
}


def upgrade():
    for what, (find, copy) in COPIES.items():
        after = ""
        done = 0
        with beside_the_shop():
            while ids := op.get_bind().scalars(text(find), {"after": after, "batch": BATCH}).all():
                op.get_bind().execute(text(copy), {"ids": ids})
                after = ids[-1]
                done += len(ids)
                print(f"copied {done} {what}", flush=True)


def downgrade():
    pass

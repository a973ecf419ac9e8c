"""What was there before the split: a claim for each sold seat, a customer for each account that is one.

In batches, each a transaction of its own that locks what it copies and nothing else; run again after an interruption, it goes on."""

from alembic import op
from sqlalchemy import text

revision = "0004"
down_revision = "0003"

BATCH = 1000
COPIES = {
    "sold seats": (
        "select id from seats where status = 'sold' and id > :after order by id limit :batch",
        """insert into claims (seat_id, event_id, until)
           select id, event_id, 'infinity' from seats where id = any(:ids) and status = 'sold' for update
           on conflict (seat_id) do update set hold_id = null, until = 'infinity' where claims.until < 'infinity'""",
    ),
    "customers": (
        "select id from accounts where customer_id is not null and id > :after order by id limit :batch",
        """insert into customers (account_id, provider_id)
           select id, customer_id from accounts where id = any(:ids) for share
           on conflict do nothing""",
    ),
}


def upgrade():
    for what, (find, copy) in COPIES.items():
        after, done = "", 0
        with op.get_context().autocommit_block():
            while ids := op.get_bind().scalars(text(find), {"after": after, "batch": BATCH}).all():
                op.get_bind().execute(text(copy), {"ids": ids})
                after, done = ids[-1], done + len(ids)
                print(f"copied {done} {what}", flush=True)


def downgrade():
    pass

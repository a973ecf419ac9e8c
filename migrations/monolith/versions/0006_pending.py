"""Bookings consumes messages, and finds the bookings that are pending: the expand migration.

The code of the step before leaves no booking pending, and does not use the index."""

from alembic import context, op

from kit.migration import beside_the_shop, build_index

revision = "0006"
down_revision = "0005"


def upgrade():
    pending = {"postgresql_where": "status = 'pending'"}
    build_index("bookings_pending", "bookings", ["created_at"], **pending)
    op.execute(f"grant select, insert on inbox, dead_letters to {bookings()}")
    op.execute(f"grant update, delete on dead_letters to {bookings()}")


def downgrade():
    with beside_the_shop():
        op.drop_index("bookings_pending", "bookings", if_exists=True)
    op.execute(f"revoke all on inbox, dead_letters from {bookings()}")


def bookings():
    """The role of bookings, quoted."""
    return context.script.get_revision("0003").module.role("bookings")

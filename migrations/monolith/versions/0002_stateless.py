"""What was kept in the process: holds with the seats that they claim, sessions that have ended,
tastes; and how many seats an event has.

Expand only: the code of the step before works with these tables, and does not know them."""

import sqlalchemy as sa
from alembic import op

from kit.migration import beside_the_shop, build_index

revision = "0002"
down_revision = "0001"


def text(name, **more):
    return sa.Column(name, sa.String, nullable=False, **more)


def number(name):
    return sa.Column(name, sa.Integer, nullable=False)


def moment(name, **more):
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False, **more)


def upgrade():
    with beside_the_shop():
        op.add_column("events", sa.Column("capacity", sa.Integer), if_not_exists=True)
        op.execute(
            "update events set capacity = (select count(*) from seats where event_id = events.id)"
        )
    build_index("seats_sold", "seats", ["event_id"], postgresql_where="status = 'sold'")
    op.create_table(
        "ended_sessions", text("sid", primary_key=True), moment("expires_at", index=True)
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
        sa.Column(
            "hold_id",
            sa.String,
            sa.ForeignKey("holds.id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        moment("until"),
    )
    op.create_table(
        "tastes",
        text("account_id", primary_key=True),
        text("event_id", primary_key=True),
        number("bookings"),
    )
    op.create_index("tastes_event", "tastes", ["event_id", "account_id"])
    op.execute(
        """insert into tastes select account_id, event_id, count(*) from bookings
           where status = 'confirmed' group by account_id, event_id"""
    )


def downgrade():
    with beside_the_shop():
        op.drop_index("seats_sold", "seats", if_exists=True)
        op.drop_column("events", "capacity", if_exists=True)
        for table in ("tastes", "claims", "holds", "ended_sessions"):
            op.drop_table(table, if_exists=True)

"""The bookings that were cancelled before their confirmation was sent: the expand migration."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade():
    op.create_table("cancellations", sa.Column("booking_id", sa.String, primary_key=True))


def downgrade():
    op.drop_table("cancellations")

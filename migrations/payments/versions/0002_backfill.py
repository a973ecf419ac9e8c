"""The ledger of the backfill: a row for each chunk that was copied."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade():
    op.create_table(
        "backfill_chunks",
        sa.Column("run", sa.Integer, primary_key=True),
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("way", sa.String, nullable=False),
        sa.Column("upto", sa.String, nullable=False),
        sa.Column("compared", sa.Integer, nullable=False),
        sa.Column("copied", sa.Integer, nullable=False),
        sa.Column("is_last", sa.Boolean, nullable=False),
        sa.Column(
            "noted_at",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.func.clock_timestamp(),
        ),
    )


def downgrade():
    op.drop_table("backfill_chunks")

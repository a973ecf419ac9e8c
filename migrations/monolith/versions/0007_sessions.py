"""The monolith's copy of the sessions that have ended, with a role of its own: the expand
migration.

It is a new table: the old one is replicated until the road is completed. The code of the step
before does not know the new one."""

import sqlalchemy as sa
from alembic import context, op

revision = "0007"
down_revision = "0006"


def upgrade():
    op.create_table(
        "ended_copies",
        sa.Column("sid", sa.String, primary_key=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False, index=True),
    )
    role = split().role("sessions")
    op.execute(split().MAKE_ROLE.format(role=role))
    op.execute(f"grant {role} to current_user")
    op.execute(f"grant select, insert, delete on ended_copies to {role}")
    op.execute(f"grant select, insert on inbox, dead_letters to {role}")
    op.execute(f"grant update, delete on dead_letters to {role}")


def downgrade():
    role = split().role("sessions")
    op.execute(f"revoke all on inbox, dead_letters from {role}")
    op.drop_table("ended_copies")


def split():
    """The migration that has the triggers and the roles."""
    return context.script.get_revision("0003").module

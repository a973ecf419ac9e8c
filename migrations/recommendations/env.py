"""The database of recommendations, with DATABASE_URL set:
`alembic -c migrations/recommendations/alembic.ini upgrade head`."""

import os

from extracted.recommendations.model import Base
from kit import dead_letters, inbox, migration, sessions
from kit.settings import DATABASE, or_exit, parse

settings = or_exit(parse, DATABASE, os.environ)
migration.run(
    settings.database_url,
    target_metadata=[
        Base.metadata,
        inbox.metadata,
        dead_letters.metadata,
        sessions.metadata,
    ],
)

"""A copy keeps the newest version of each row, in whatever order the versions come."""

import pytest
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from kit.copies import upsert


class Base(DeclarativeBase):
    pass


class Thing(Base):
    __tablename__ = "things"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    version: Mapped[int]


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 3, 1)])
def test_an_older_version_never_replaces_a_newer(database, order):
    Base.metadata.create_all(database.engine)

    for version in order:
        with database.transaction() as session:
            upsert(session, Thing, {"id": "a", "name": f"name {version}", "version": version})

    assert database.rows("select id, name, version from things") == [("a", "name 3", 3)]

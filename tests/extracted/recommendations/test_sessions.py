"""A session that has ended is refused, also while the copy is built again."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from extracted.recommendations.worker import COPIES, GROUPS
from kit.rebuild import rebuild
from kit.sessions import ended_sessions

PATH = "/api/recommendations"
ENDED = ("accounts", "session.ended", {"sid": "session of ada"})


def statuses(*clients):
    return [client.get(PATH).status_code for client in clients]


@pytest.mark.parametrize("snapshot", [False, True])
def test_a_session_that_has_ended_is_refused(deliver, sign_in, snapshot):
    ada, other = sign_in("ada"), sign_in("other")
    before = statuses(ada, other)

    deliver(ENDED, ENDED, snapshot=snapshot)

    assert (before, statuses(ada, other)) == ([200, 200], [401, 200])


def test_ended_sessions_are_kept_until_their_tokens_expire(deliver, app, database):
    first = {"sid": "first", "exp": "2030-01-01T06:00:00Z"}
    second = {"sid": "second", "exp": "2030-01-01T18:00:00Z"}
    deliver(("accounts", "session.ended", first))
    app.extensions["process"].clock = lambda: datetime(2030, 1, 1, 12, tzinfo=UTC)

    deliver(("accounts", "session.ended", second))

    with database.reading() as session:
        assert session.scalars(select(ended_sessions.c.sid)).all() == ["second"]


def test_a_rebuild_of_the_copy_lets_nobody_in_who_signed_out(
    deliver, sign_in, database, broker, consumed_by
):
    ada = sign_in("ada")
    deliver(ENDED)
    for source in list(broker.sources):
        source.close()

    for group, tables in COPIES.items():
        rebuild(group, tables, database.transaction, broker)

    assert set(COPIES) < set(GROUPS)
    assert statuses(ada) == [401]

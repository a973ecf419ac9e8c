"""The monolith's copy of ended sessions: their tokens are refused here, too."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from kit.checks import as_text
from kit.message import Message


@pytest.fixture
def end_session(broker, catch_up):
    """A function: publish that a session has ended, as accounts does; the worker consumes it."""

    def end_session(sid, expires_at, *, snapshot=False):
        data = {"sid": sid, "exp": as_text(expires_at), "aggregate_version": 1}
        now = datetime.now(UTC)
        message = Message(
            "accounts", "session.ended", sid, data, recorded_at=now, snapshot=snapshot
        )
        broker.send([message])
        catch_up()

    return end_session


def asked(client):
    """The status of the answer to a request of somebody who is signed in."""
    return client.post("/api/events", json={}).status_code


@pytest.fixture
def kept(process):
    """A function: the ids of the sessions in the copy."""

    def kept():
        with process.db.monolith.reading() as session:
            return session.scalars(text("select sid from ended_copies order by sid")).all()

    return kept


@pytest.mark.parametrize("snapshot", [False, True])
def test_a_session_that_has_ended_is_refused(sign_up, process, end_session, snapshot):
    ada, other = sign_up("ada"), sign_up("other")
    before = [asked(ada), asked(other)]

    end_session("session of ada", process.clock() + timedelta(hours=1), snapshot=snapshot)

    assert before == [403, 403]
    assert [asked(ada), asked(other)] == [401, 403]


def test_an_account_need_not_be_in_the_monolith(fan, process):
    with process.db.monolith.reading() as session:
        assert session.scalar(text("select count(*) from accounts")) == 0

    assert asked(fan) == 403


def test_ended_sessions_are_kept_until_their_tokens_expire(process, end_session, kept):
    now = process.clock()
    end_session("first", now + timedelta(hours=6))
    end_session("second", now + timedelta(hours=18))
    before = kept()
    process.clock = lambda: now + timedelta(hours=12)

    end_session("third", now + timedelta(hours=24))

    assert (before, kept()) == (["first", "second"], ["second", "third"])


def test_the_web_process_reads_the_copy_in_a_role_of_its_own(process):
    for module, allowed in (("sessions", True), ("catalog", False)):
        with getattr(process.db, module).reading() as session:
            right = "select has_table_privilege('ended_copies', 'select')"
            assert session.scalar(text(right)) == allowed

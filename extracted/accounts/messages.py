"""What accounts publishes on its topic; never a credential."""

from kit.checks import as_text
from kit.message import Message

TOPIC = "accounts"


def registered(account):
    """Somebody has an account now."""
    data = {**account.as_json(), "aggregate_version": account.version}
    return Message(TOPIC, "account.registered", account.id, data)


def session_ended(session):
    """Somebody has signed out: every process that checks tokens must refuse this session."""
    data = {
        "sid": session.sid,
        "exp": as_text(session.expires_at),
        "aggregate_version": session.version,
    }
    return Message(TOPIC, "session.ended", session.sid, data)

"""What accounts says on its topic; never a credential."""

from extracted.kit.outbox import Fact
from monolith.fields import as_text

TOPIC = "accounts"


def registered(account):
    account.version += 1
    return Fact(TOPIC, "account.registered", account.id, {**account.as_json(), "aggregate_version": account.version})


def ended(session):
    """Somebody has signed out of a session: whoever lets people in refuses it from now on."""
    session.version += 1
    data = {"sid": session.sid, "exp": as_text(session.expires_at), "aggregate_version": session.version}
    return Fact(TOPIC, "session.ended", session.sid, data)

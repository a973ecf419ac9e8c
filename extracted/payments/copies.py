"""What payments keeps of accounts: the names, which the payment provider gets, and the sessions
that have ended.

They have a consumer group of their own, so that it reads its topic from the beginning."""

from sqlalchemy import select

from extracted.payments.model import AccountName
from kit import sessions
from kit.copies import upsert
from kit.failures import NotYet


def keep_name(session, process, message):
    account = message.data
    row = {
        "account_id": account["id"],
        "name": account["name"],
        "version": account["aggregate_version"],
    }
    upsert(session, AccountName, row)


def name_of(session, account_id):
    """The name of an account; NotYet if its message has not come yet."""
    name = session.scalar(select(AccountName.name).where(AccountName.account_id == account_id))
    if name is None:
        raise NotYet(f"account {account_id}")
    return name


TOPICS = ("accounts",)
SNAPSHOTS = True
HANDLERS = {"account.registered": keep_name, **sessions.HANDLERS}

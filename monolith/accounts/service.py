import uuid

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from extracted.kit.outbox import record
from monolith.accounts import facts, passwords, sessions
from monolith.accounts.model import Account
from monolith.refusals import Conflict, NotFound, WrongCredentials


def register(session, *, email, password, name, now):
    """The new account."""
    account = Account(id=uuid.uuid4().hex, email=email, name=name, password_hash=passwords.hashed(password), created_at=now)
    fact = facts.registered(account)
    try:
        session.add(account)
        session.flush()
    except IntegrityError:
        raise Conflict("There is an account with this e-mail address already.", kind="email-taken") from None
    record(session, fact)
    return account


def sign_in(session, *, email, password):
    """The account that has this address and password."""
    account = by_email(session, email)
    known = passwords.matches(account.password_hash if account else passwords.NOBODYS, password)
    if not (account and known):
        raise WrongCredentials("The e-mail address or the password is wrong.")
    return account


def who(process, token, now):
    """The session that a token proves, or None if it proves none or that one has ended."""
    proved = token and process.tokens.read(token, now)
    if not proved:
        return None
    with process.db.reading("accounts") as session:
        return None if sessions.has_ended(session, proved.sid) else proved


def find(session, account_id):
    """The account with its email and name; there is one."""
    return session.get_one(Account, account_id)


def by_email(session, email):
    return session.scalar(select(Account).where(func.lower(Account.email) == func.lower(email)))


def make_organiser(session, *, email):
    account = by_email(session, email)
    if account is None:
        raise NotFound(f"There is no account with the address {email}.")
    account.role = "organiser"


def forget(session, now):
    """Drop what has run out."""
    sessions.forget(session, now)

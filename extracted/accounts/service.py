import uuid

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from extracted.accounts import messages, passwords, sessions
from extracted.accounts.model import Account
from extracted.accounts.refusals import EmailTaken, WrongCredentials
from kit.outbox import record
from kit.refusals import NotFound


def register(session, *, email, password, name, now):
    """The new account."""
    account = Account(
        id=uuid.uuid4().hex,
        email=email,
        name=name,
        password_hash=passwords.hashed(password),
        created_at=now,
        version=1,
    )
    try:
        session.add(account)
        session.flush()
    except IntegrityError:
        raise EmailTaken("There is an account with this e-mail address already.") from None
    record(session, messages.registered(account))
    return account


def sign_in(session, *, email, password):
    """The account with this address and password."""
    account = by_email(session, email)
    password_hash = account.password_hash if account else passwords.NOBODYS
    is_right = passwords.matches(password_hash, password)
    if not (account and is_right):
        raise WrongCredentials("The e-mail address or the password is wrong.")
    return account


def find(session, account_id):
    """The account with this id, which exists."""
    return session.get_one(Account, account_id)


def is_open(session, token):
    """Whether the account of a session exists, and nobody has signed out of the session."""
    return sessions.is_open(session, token)


def by_email(session, email):
    """The account with this address, in upper or lower case, or None."""
    return session.scalar(select(Account).where(func.lower(Account.email) == func.lower(email)))


def make_organiser(session, *, email):
    account = by_email(session, email)
    if account is None:
        raise NotFound(f"There is no account with the address {email}.")
    account.role = "organiser"


def forget(session, now):
    """Drop what has expired."""
    sessions.forget(session, now)

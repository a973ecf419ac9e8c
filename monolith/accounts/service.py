import uuid

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from monolith.accounts import passwords
from monolith.accounts.model import Account
from monolith.notifications import service as notifications
from monolith.refusals import Conflict, NotFound, WrongCredentials


def register(session, process, *, email, password, name, now):
    """The new account, known to the payment provider, with the welcome mail sent."""
    account = Account(id=uuid.uuid4().hex, email=email, name=name, password_hash=passwords.hashed(password), created_at=now)
    try:
        session.add(account)
        session.flush()
    except IntegrityError:
        raise Conflict("There is an account with this e-mail address already.", kind="email-taken") from None
    account.customer_id = process.provider.customer(account)
    notifications.welcome(session, process.mailer, account, now)
    return account


def sign_in(session, *, email, password):
    """The account that has this address and password."""
    account = by_email(session, email)
    known = passwords.matches(account.password_hash if account else passwords.NOBODYS, password)
    if not (account and known):
        raise WrongCredentials("The e-mail address or the password is wrong.")
    return account


def by_email(session, email):
    return session.scalar(select(Account).where(func.lower(Account.email) == func.lower(email)))


def make_organiser(session, *, email):
    account = by_email(session, email)
    if account is None:
        raise NotFound(f"There is no account with the address {email}.")
    account.role = "organiser"

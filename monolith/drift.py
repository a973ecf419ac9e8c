"""Drift: answers of the service of recommendations that are not those of this monolith.

The command is transitional: it goes when the service alone answers. It asks both as the same
accounts, with short sessions that it signs itself. A difference that is gone when it asks again is
lag and not drift."""

import json
import logging
import time
from datetime import timedelta
from functools import partial
from http.client import HTTPException
from itertools import zip_longest
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import click
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy import func, select

from kit import http, settings
from kit.process import this_process
from kit.tokens import COOKIE
from monolith.accounts.model import Account
from monolith.bookings.model import Booking

PATH = "/api/recommendations"
LIMIT = 10  # recommendations a page: few, so that cursors are followed
VALID_FOR = timedelta(minutes=1)
TIMEOUT = 10.0  # seconds
PAUSE = 1.0  # seconds until what differs is asked for again
TIMES = 5  # while others book, an answer may change between asking here and there
EXAMPLES = 3


def _address(context, parameter, text):
    try:
        return settings.url("http", "https")(text).rstrip("/")
    except ValueError as problem:
        raise click.BadParameter(f"{text} {problem}.") from None


@click.command("drift")
@click.option("--against", required=True, callback=_address, help="The URL of the service.")
@click.option(
    "--sample",
    default=50,
    show_default=True,
    type=click.IntRange(2, 10_000),
    help="How many accounts to ask as.",
)
@with_appcontext
def command(against, sample):
    """Compare recommendations here with those of a service.

    The exit code is 1 if anything differs, or if nothing was compared."""
    _log_no_requests()
    with this_process().db.monolith.reading() as session:
        accounts = choose(session, sample)
    here, there = _here(current_app.test_client(use_cookies=False)), _there(against)
    began = time.monotonic()
    first = left = differences(here, there, accounts)
    rate = len(accounts) / (time.monotonic() - began)
    for _ in range(TIMES):
        if left:
            time.sleep(PAUSE)
            left = differences(here, there, [account for account, _ in left])
    for account, difference in left[:EXAMPLES]:
        click.echo(_as_text(account, *difference))
    equal, late = len(accounts) - len(first), len(first) - len(left)
    click.echo(f"accounts a second: {rate:.0f}")
    click.echo(f"compared: {len(accounts)}, equal: {equal}, late: {late}, differing: {len(left)}")
    click.get_current_context().exit(1 if left or not accounts else 0)


def _log_no_requests():
    """Until the command ends: a line for each would hide what it prints."""
    log = logging.getLogger(http.__name__)
    log.setLevel(logging.WARNING)
    click.get_current_context().call_on_close(partial(log.setLevel, logging.NOTSET))


def choose(session, count):
    """Accounts with and without bookings by turns, always in the same order."""
    has_bookings = select(Booking.id).where(Booking.account_id == Account.id).exists()
    turn = func.row_number().over(
        partition_by=has_bookings.correlate(Account),
        order_by=Account.id,
    )
    return session.scalars(select(Account).order_by(turn, Account.id).limit(count)).all()


def differences(here, there, accounts):
    """[(account, its first difference)] of the accounts whose answers differ.

    here and there are functions that send a query with headers and return (status, body)."""
    found = [(account, _difference(here, there, account)) for account in accounts]
    return [(account, difference) for account, difference in found if difference]


def _difference(here, there, account):
    """(page, what is here, what is there) of the first difference; None if there is none."""
    process = this_process()
    token = process.signer.issue(account, process.clock(), VALID_FOR)
    headers = {"Cookie": f"{COOKIE}={token}"}
    both = zip(_pages(here, headers), _pages(there, headers), strict=True)
    for number, (ours, theirs) in enumerate(both, 1):
        if ours[0] != 200:
            raise click.ClickException(f"The monolith answers with status {ours[0]}.")
        for one, other in zip_longest(ours, theirs):
            if one != other:
                return number, one, other
    return None


def _pages(ask, headers):
    """Each page as a list: its status, its recommendations, and whether another one follows.

    The text of a cursor is not compared: each side reads only its own."""
    more = {}
    while more is not None:
        status, body = ask(urlencode({"limit": LIMIT, **more}), headers)
        items = body.get("items")
        after = body.get("next")
        end = "the last page" if after is None else "another page follows"
        yield [status, *(items if isinstance(items, list) else [items]), end]
        more = None if after is None else {"after": after}


def _here(client):
    def ask(query, headers):
        answer = client.get(f"{PATH}?{query}", headers=headers)
        return answer.status_code, _body(answer.data)

    return ask


def _there(url):
    def ask(query, headers):
        try:
            request = Request(f"{url}{PATH}?{query}", headers=headers)
            with urlopen(request, timeout=TIMEOUT) as answer:
                return answer.status, _body(answer.read())
        except HTTPError as refusal:
            with refusal:
                return refusal.code, _body(refusal.read())
        except (OSError, HTTPException) as error:
            cause = getattr(error, "reason", error)
            raise click.ClickException(f"{url} does not answer: {cause}") from None

    return ask


def _body(text):
    """The JSON object in a body; an empty one for anything else."""
    try:
        body = json.loads(text)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _as_text(account, page, ours, theirs):
    ours, theirs = (json.dumps(each, ensure_ascii=False) for each in (ours, theirs))
    return f"account {account.id}, page {page}\n  here   {ours}\n  there  {theirs}"

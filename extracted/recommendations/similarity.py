"""Events that are booked by the same people, counted from the purchases at each request."""

from collections import Counter, defaultdict
from math import sqrt

from sqlalchemy import distinct, func, select
from sqlalchemy.orm import aliased

from extracted.recommendations.model import Purchase


def suggest(session, account_id):
    """[(event id, score, because)], best first, of events that the account has not booked.

    The score is the sum of the cosine similarities to the booked events (item-to-item collaborative
    filtering, Linden, Smith and York 2003). Where nothing is similar, the best sellers, with their
    share of the best one's buyers."""
    booked = _booked(session, account_id)
    scores, because = _similar(session, booked) if booked else (Counter(), {})
    if not scores:
        scores = _best_sellers(session, booked)
    best = sorted(scores.items(), key=lambda item: (-round(item[1], 6), item[0]))
    return [(event_id, round(score, 6), because.get(event_id, [])) for event_id, score in best]


def _booked(session, account_id):
    """The ids of the events that an account has booked."""
    own = select(Purchase.event_id).where(Purchase.account_id == account_id, Purchase.confirmed)
    return set(session.scalars(own))


def _similar(session, booked):
    """({event: score}, {event: the booked events that it is similar to})"""
    both = _both(session, booked)
    buyers = _buyers(session, booked | {other for _, other in both})
    scores = Counter()
    because = defaultdict(list)
    for (mine, other), count in sorted(both.items()):
        scores[other] += count / sqrt(buyers[mine] * buyers[other])
        because[other].append(mine)
    return scores, because


def _both(session, booked):
    """{(booked event, another one): how many accounts have both}"""
    mine = aliased(Purchase)
    other = aliased(Purchase)
    pairs = (
        select(mine.event_id, other.event_id, func.count(distinct(mine.account_id)))
        .join(other, mine.account_id == other.account_id)
        .where(mine.confirmed, other.confirmed)
        .where(mine.event_id.in_(booked), other.event_id.not_in(booked))
        .group_by(mine.event_id, other.event_id)
    )
    return {(mine, other): count for mine, other, count in session.execute(pairs)}


def _buyers(session, events=None):
    """{event: how many accounts have it}, of some events or of all."""
    accounts = func.count(distinct(Purchase.account_id))
    counted = select(Purchase.event_id, accounts).where(Purchase.confirmed)
    if events is not None:
        counted = counted.where(Purchase.event_id.in_(events))
    return dict(session.execute(counted.group_by(Purchase.event_id)).all())


def _best_sellers(session, booked):
    buyers = _buyers(session)
    most = max(buyers.values(), default=0)
    return {event: count / most for event, count in buyers.items() if event not in booked}

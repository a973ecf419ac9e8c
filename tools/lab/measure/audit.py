"""Checks the five promises against a ledger of requests and answers: measure/ledger.py."""

import time
from dataclasses import dataclass

from tools.lab.measure.evidence import Witness
from tools.lab.measure.judge import MONEY, SEATS, STRANGERS, UNFINISHED, judge
from tools.lab.measure.ledger import Ledger

HEAL_EVERY = 5.0  # seconds
ENDS_WITHIN = 150.0  # seconds: a worker asks again for an unclear answer after 30 s, then after 60
# nobody can take these back: they count, although they are not to be seen any more later
NEVER_EVEN_ONCE = (SEATS, STRANGERS)


@dataclass
class Verdict:
    """What an audit found. seen and left are {promise: [violation, ...]}: at the first look, and at
    the last one, where left also has what may not happen even for a moment. healed is {violation:
    after how many seconds it was gone}."""

    seen: dict
    left: dict
    healed: dict


def audit(
    entries,
    settings,
    *,
    within=0.0,
    heal=lambda: None,
    may_remain=lambda violation: False,
    **options,
):
    """The Verdict on the system with these settings.

    While there are violations that may not remain, it looks again, for up to within seconds after
    the last booking has ended, and calls heal() now and then while money is wrong. The options are
    those of Witness."""
    ledger = Ledger(entries)
    witness = Witness(ledger, settings, **options)
    began = time.monotonic()
    heal_at = ended = began
    looks = []
    while True:
        looks.append((time.monotonic() - began, judge(ledger, witness.evidence())))
        witness.close()
        now = time.monotonic()
        found = looks[-1][1]
        lines = [each for violations in found.values() for each in violations]
        if any(UNFINISHED in line for line in lines) and now < began + ENDS_WITHIN:
            ended = now
        if all(map(may_remain, lines)) or now >= ended + within:
            return verdict(looks)
        if found[MONEY] and now >= heal_at:
            heal()
            heal_at = now + HEAL_EVERY
        time.sleep(0.2)


def verdict(looks):
    """The Verdict of the looks of an audit, which are (seconds since the first look, {promise:
    [violation, ...]}) and of which the last one counts."""
    last = looks[-1][1]
    left = {promise: list(violations) for promise, violations in last.items()}
    last_seen = {}
    for number, (_, found) in enumerate(looks):
        for promise, violations in found.items():
            last_seen |= dict.fromkeys(((promise, each) for each in violations), number)
    healed = {}
    for (promise, violation), number in last_seen.items():
        if violation in last[promise]:
            continue
        healed[violation] = looks[number + 1][0]
        if promise in NEVER_EVEN_ONCE:
            left[promise].append(violation)
    return Verdict(looks[0][1], left, healed)

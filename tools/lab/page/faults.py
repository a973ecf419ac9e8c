"""The knobs of the mail catcher and of the payment sandbox: docs/lab.md, "Faults on purpose"."""

import json
import urllib.request
from contextlib import contextmanager

from tools.lab.ground.failed import Failed
from tools.lab.look.payments import turn

KNOBS = ("hang", "refuse")
WITHIN = 2  # seconds


def addresses(noted):
    """{process: the address of its knobs} of those that the lab runs itself."""
    settings = noted["run"]
    known = {
        "mail": f"{settings['MAIL_URL']}/_knobs",
        "payments-sandbox": f"{settings['STRIPE_API_BASE']}/_sandbox",
    }
    return {name: url for name, url in known.items() if name in noted["children"]}


@contextmanager
def opened(url):
    """A function that answers {knob: whether it is on}."""

    def look():
        nothing = urllib.request.Request(url, b"{}", method="PATCH")  # changes none, answers all
        with urllib.request.urlopen(nothing, timeout=WITHIN) as answer:
            knobs = json.load(answer)
        return {name: bool(knobs[name]) for name in KNOBS}

    yield look


def set_knob(known, process, knob):
    """Turn a knob of a process among the known addresses on, and the others off; without a knob,
    all are off."""
    if process not in known or knob not in ("", *KNOBS):
        raise Failed(f"there is no knob {knob} of {process}")
    try:
        turn(known[process], {name: name == knob for name in KNOBS})
    except OSError as trouble:
        raise Failed(f"{process} does not answer: {trouble}") from None

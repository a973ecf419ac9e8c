"""The payment sandbox from outside: its charges and refunds, and its knobs."""

import urllib.error
import urllib.request

from tools.lab.ground.http import dumps
from tools.lab.look.mail import read

PAGE = 1000


def moved(url):
    """Every charge and refund of the sandbox at url, oldest first; None if there is no sandbox."""
    items = []
    after = 0
    try:
        while url and after is not None:
            page = read(url, f"/_sandbox/ledger?limit={PAGE}&after={after}")
            items += page["items"]
            after = page["next"]
    except urllib.error.HTTPError:
        return None
    return items if url else None


def ledger(url):
    try:
        return moved(url) or []
    except OSError:
        return []


def turn(url, knobs):
    request = urllib.request.Request(
        url, dumps(knobs), {"Content-Type": "application/json"}, method="PATCH"
    )
    urllib.request.urlopen(request, timeout=10).close()


def clear(url):
    """Delete all charges and refunds of the sandbox at url; its customers stay."""
    request = urllib.request.Request(f"{url}/_sandbox/ledger", method="DELETE")
    urllib.request.urlopen(request, timeout=10).close()

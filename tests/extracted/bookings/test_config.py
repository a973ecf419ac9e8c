from functools import partial

import pytest

from extracted.bookings.config import OF_WEB, OF_WORKER
from kit import settings
from kit.settings import Misconfigured

KEY = "a:90nBn2wtcAaltJybz8tgr72wzfyW2UOSCVFQUtWjkcc="
GOOD = {"DATABASE_URL": "postgresql://a:b@localhost/c", "SESSION_PUBLIC_KEYS": KEY}
parse = partial(settings.parse, OF_WEB)


def test_a_setting_that_is_missing_has_its_default():
    settings = parse(GOOD)

    assert (settings.hold_seconds, settings.pending_seconds) == (600, 900)


@pytest.mark.parametrize("name", GOOD)
def test_a_missing_required_setting_is_named(name):
    with pytest.raises(Misconfigured, match=f"^{name} is not set"):
        parse({**GOOD, name: ""})


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("HOLD_SECONDS", "-1"),
        ("HOLD_SECONDS", "1.5"),
        ("PENDING_SECONDS", "0"),
        ("SESSION_PUBLIC_KEYS", "a:c2hvcnQ="),
    ],
)
def test_a_wrong_value_of_a_setting_is_named(name, wrong):
    with pytest.raises(Misconfigured, match=f"^{name} "):
        parse({**GOOD, name: wrong})


def test_web_and_worker_decline_after_the_same_time():
    assert OF_WEB["PENDING_SECONDS"] == OF_WORKER["PENDING_SECONDS"]

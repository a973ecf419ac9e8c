"""The keys: a pair is made by a command, and a process whose keys do not fit does not start."""

import subprocess
import sys

import pytest

from extracted.accounts.config import parse
from kit.settings import Misconfigured


def made():
    """The settings that the command prints."""
    command = [sys.executable, "-m", "extracted.accounts.keys", "a"]
    printed = subprocess.check_output(command, text=True)
    return dict(line.split("=", 1) for line in printed.splitlines())


KEYS, OTHERS = made(), made()
GOOD = {"DATABASE_URL": "postgresql://a:b@localhost/c", **KEYS}


def test_the_keys_that_the_command_makes_belong_together():
    settings = parse(GOOD)

    assert (settings.session_key[0], list(settings.session_public_keys)) == ("a", ["a"])


@pytest.mark.parametrize("name", GOOD)
def test_a_missing_required_setting_is_named(name):
    with pytest.raises(Misconfigured, match=f"^{name} is not set"):
        parse({**GOOD, name: ""})


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("SESSION_KEY", "a:c2hvcnQ="),
        ("SESSION_KEY", KEYS["SESSION_KEY"].partition(":")[2]),
        ("SESSION_PUBLIC_KEYS", KEYS["SESSION_PUBLIC_KEYS"] + ","),
        ("SESSION_PUBLIC_KEYS", KEYS["SESSION_PUBLIC_KEYS"].replace("a:", "b:", 1)),
        ("SESSION_PUBLIC_KEYS", OTHERS["SESSION_PUBLIC_KEYS"]),
    ],
)
def test_a_wrong_key_is_named(name, wrong):
    with pytest.raises(Misconfigured, match=f"^{name} "):
        parse({**GOOD, name: wrong})

import os
import subprocess
import sys
from functools import partial

import pytest

from kit import settings
from kit.settings import Misconfigured
from monolith.config import SETTINGS

KEY = "a:90nBn2wtcAaltJybz8tgr72wzfyW2UOSCVFQUtWjkcc="
GOOD = {"DATABASE_URL": "postgresql://a:b@localhost/c", "SESSION_PUBLIC_KEYS": KEY}
parse = partial(settings.parse, SETTINGS)


def test_a_setting_that_is_missing_has_its_default():
    settings = parse(GOOD)

    assert (settings.threads, settings.port, settings.instance) == (16, 8000, "web")


@pytest.mark.parametrize(
    "origin", ["https://tickets.example", "http://127.0.0.1:8000", "https://[::1]:8443"]
)
def test_a_public_origin_is_written_as_browsers_send_it(origin):
    assert parse({**GOOD, "PUBLIC_ORIGIN": origin}).public_origin == origin


@pytest.mark.parametrize("name", GOOD)
def test_a_missing_required_setting_is_named(name):
    with pytest.raises(Misconfigured, match=f"^{name} is not set"):
        parse({**GOOD, name: ""})


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("DATABASE_URL", "mysql://localhost/c"),
        ("DATABASE_URL", "postgresql://localhost:many/c"),
        ("DATABASE_URL", "postgresql://localhost/c"),
        ("SESSION_PUBLIC_KEYS", "a:c2hvcnQ="),
        ("SESSION_PUBLIC_KEYS", KEY.partition(":")[2]),
        ("SESSION_PUBLIC_KEYS", f"{KEY},"),
        ("PORT", "70000"),
        ("PUBLIC_ORIGIN", "tickets.example"),
        ("PUBLIC_ORIGIN", "ftp://tickets.example"),
        ("PUBLIC_ORIGIN", "https://tickets.example/"),
        ("PUBLIC_ORIGIN", "https://Tickets.example"),
        ("PUBLIC_ORIGIN", "https://tickets.example:443"),
        ("PUBLIC_ORIGIN", "https://fan@tickets.example"),
        ("THREADS", "no"),
        ("LOG_LEVEL", "LOUD"),
    ],
)
def test_a_wrong_value_of_a_setting_is_named(name, wrong):
    with pytest.raises(Misconfigured, match=f"^{name} "):
        parse({**GOOD, name: wrong})


@pytest.mark.parametrize(
    "command",
    [
        ["gunicorn", "--config", "monolith/serve.py", "monolith.app:create_app()"],
        ["flask", "--app", "monolith.app", "seed"],
        ["alembic", "-c", "migrations/monolith/alembic.ini", "upgrade", "head"],
    ],
    ids=lambda command: command[0],
)
def test_a_wrong_setting_ends_every_command_with_2(command):
    environ = (
        {name: value for name, value in os.environ.items() if name not in SETTINGS}
        | GOOD
        | {"DATABASE_URL": "nonsense"}
    )

    ended = subprocess.run(
        [sys.executable, "-m", *command], env=environ, capture_output=True, text=True, timeout=60
    )

    assert ended.returncode == 2
    assert len(ended.stderr.strip().splitlines()) == 1
    assert "DATABASE_URL" in ended.stderr


def test_the_first_process_of_gunicorn_loads_no_shop():
    environ = {name: value for name, value in os.environ.items() if name not in SETTINGS} | GOOD
    loaded = "import sys, monolith.serve; print('flask' in sys.modules, 'argon2' in sys.modules)"

    printed = subprocess.run(
        [sys.executable, "-c", loaded], env=environ, capture_output=True, text=True, timeout=60
    )

    assert printed.stdout.split() == ["False", "False"]

"""Procfile, docker-compose.yml, the Dockerfiles and docs/settings.md agree."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from extracted.accounts.config import SETTINGS as OF_ACCOUNTS
from extracted.bookings import config as bookings
from extracted.notifications.config import SETTINGS as OF_NOTIFICATIONS
from extracted.payments import config as payments
from extracted.recommendations import config as recommendations
from kit.settings import KAFKA, REQUIRED
from monolith.config import SETTINGS
from tools.lab.ground.tree import HERE

COMPOSE = yaml.safe_load((HERE.path / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
DOCUMENTED = dict(
    re.findall(
        r"^\| `(\w+)` \| (.+?) \|", (HERE.path / "docs" / "settings.md").read_text(), re.MULTILINE
    )
)
EACH = [
    SETTINGS,
    KAFKA,
    OF_ACCOUNTS,
    bookings.OF_WEB,
    bookings.OF_WORKER,
    OF_NOTIFICATIONS,
    payments.OF_WEB,
    payments.OF_WORKER,
    recommendations.OF_WEB,
    recommendations.OF_WORKER,
]
DOCKERFILES = [
    path
    for path in HERE.path.rglob("Dockerfile")
    if ".lab" not in path.relative_to(HERE.path).parts
]


@pytest.mark.parametrize("settings", EACH)
def test_every_setting_is_documented_with_its_default(settings):
    words = {REQUIRED: "required", None: "none"}
    in_code = {name: words.get(default, f"`{default}`") for name, (_, default) in settings.items()}

    assert {name: DOCUMENTED.get(name) for name in in_code} == in_code


@pytest.mark.parametrize("name", HERE.procfile())
def test_compose_services_run_the_commands_of_the_procfile(name):
    assert SERVICES[name]["command"] == HERE.procfile()[name]


def test_every_setting_of_a_service_is_documented():
    ours = [
        service
        for service in SERVICES.values()
        if service["image"].startswith("encore-") and "environment" in service
    ]

    assert ours
    assert {name for service in ours for name in service["environment"]} <= set(DOCUMENTED)


@pytest.mark.parametrize(
    ("folder", "process"),
    [
        ("monolith", "web"),
        ("extracted/accounts", "accounts-web"),
        ("extracted/bookings", "bookings-web"),
        ("extracted/notifications", "notifications-worker"),
        ("extracted/payments", "payments-web"),
        ("extracted/recommendations", "recommendations-web"),
    ],
)
def test_images_run_the_command_of_the_procfile(folder, process):
    (command,) = re.findall(
        r"^CMD (\[.+\])$", (HERE.path / folder / "Dockerfile").read_text(), re.MULTILINE
    )

    assert shlex.join(yaml.safe_load(command)) == shlex.join(HERE.procfile()[process])


def test_images_are_pinned_and_servers_have_health_checks():
    assert all(re.search(r":[\w.-]*\d", service["image"]) for service in SERVICES.values())
    assert all("healthcheck" in service for service in SERVICES.values())
    assert {
        name for name, service in SERVICES.items() if service["healthcheck"].get("disable")
    } == {name for name in HERE.procfile() if not HERE.serves(name) and name != "facade"}


def test_ports_are_open_on_this_machine_only():
    assert all(
        port.startswith("127.0.0.1:")
        for service in SERVICES.values()
        for port in service.get("ports", [])
    )


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: str(path.relative_to(HERE.path)))
def test_dockerfiles_pass_the_linter_and_avoid_root(path):
    linted = subprocess.run(
        [Path(sys.executable).with_name("hadolint"), path], capture_output=True, text=True
    )

    assert linted.stdout == ""
    assert linted.returncode == 0
    assert re.findall(r"^USER (\d+)", path.read_text(), re.MULTILINE)[-1] != "0"

"""Messages that come as they should not: the newest step processes what it can, keeps the rest as
dead letters, and the checks notice where it does not."""

import smtplib
from urllib.parse import urlsplit

import pytest

from tools.lab.experiment import messages
from tools.lab.ground.failed import Failed
from tools.lab.ground.tree import HERE
from tools.lab.ground.waiting import eventually

WITHIN = 60.0  # seconds
WORKERS = [name for name in HERE.processes() if name.split("-")[-1] == "worker"]


def test_each_check_waits_until_the_consumers_have_done_their_part(shared_encore):
    system = shared_encore.system
    for name in set(WORKERS) - {"worker"}:
        shared_encore.stop(name)
    checks = [messages.publish_out_of_order(system)]  # the worker confirms a booking, at step 10
    shared_encore.stop("worker")
    checks += [
        messages.publish_unreadable(system),
        messages.publish_unknown_version(system),
        messages.publish_failing(system),
    ]

    found_before = [check(system) for check in checks]
    for name in WORKERS:
        system.supervisor.start(name)

    assert all(found_before)
    for check in checks:
        eventually(lambda check=check: check(system) == [], within=WITHIN)


def test_a_message_that_is_published_again_sends_no_second_mail(shared_encore):
    system = shared_encore.system
    check = messages.publish_doubled(system)
    eventually(lambda: check(system) == [], within=WITHIN)
    mail = next(each for each in shared_encore.mails() if "is confirmed" in each["text"])

    server = urlsplit(system.settings["SMTP_URL"])
    with smtplib.SMTP(server.hostname, server.port) as smtp:
        text = f"To: {mail['to']}\nSubject: again\n\n{mail['text']}"
        smtp.sendmail("tickets@encore.example", [mail["to"]], text.encode())

    assert eventually(lambda: check(system))[0].startswith(f"{mail['to']} has 2 mails")


def test_a_fault_of_messages_ends_when_all_is_well(shared_encore):
    before = messages.dead_letters(shared_encore.system)

    with messages.published(shared_encore.system, messages.publish_failing):
        pass

    assert messages.dead_letters(shared_encore.system) > before


def test_a_fault_of_messages_says_what_does_not_become_well():
    def never_well(system):
        return lambda system: ["one is lost", "one waits"]

    with (
        pytest.raises(Failed, match="one is lost; one waits"),
        messages.published(None, never_well, within=0.0),
    ):
        pass

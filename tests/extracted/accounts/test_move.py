"""Accounts move from one server to another and back, with their writers, whenever a command is
killed; nothing is lost and nothing is left behind."""

import os
import subprocess
import sys
import threading
import time
import tomllib
from contextlib import contextmanager
from dataclasses import replace

import psycopg
import pytest
from click.testing import CliRunner

from extracted.accounts import fence, move
from extracted.accounts.verify import compare
from tests.extracted.accounts import servers
from tools.lab.ground.tree import HERE
from tools.lab.ground.waiting import eventually

both, pair = servers.both, servers.pair
ADD = """
insert into accounts (id, email, name, password_hash, created_at, role)
values (%s, %s || '@encore.example', 'Ada', 'hash', now(), 'customer')"""
MANY = """
insert into accounts (id, email, name, password_hash, created_at, role)
select 'm' || n, 'm' || n || '@encore.example', 'Ada', 'hash', now(), 'customer'
from generate_series(1, {}) n"""
THERE = ("close accounts", "begin", "close monolith", "catch-up accounts")
TURNED = (*THERE, "verify", "turn", "open accounts")
BACK = ("close accounts", "catch-up monolith", "verify", "open monolith")
HOME = (*BACK, "end")
WITHOUT_RIGHTS = {
    "monolith": "alter role monolith noreplication",
    "accounts": "revoke pg_create_subscription from accounts",
}
IDS = "select id from accounts order by id"


class Killed(BaseException):
    """What kill -9 does to a command: nothing after it is carried out."""


class Dying:
    """A connection whose process is killed before the statement of a number, counted by
    `executed`, over all connections."""

    def __init__(self, connection, executed, at):
        self.connection = connection
        self.executed = executed
        self.at = at

    def execute(self, *words):
        if len(self.executed) == self.at:
            raise Killed
        self.executed.append(words[0])
        return self.connection.execute(*words)


def commands_of(way):
    """The commands of the road that work on both databases, in the order of a way."""
    path = HERE.path / "migrations" / "roads" / "12-accounts.toml"
    stages = [each for each in tomllib.loads(path.read_text())["stage"] if "other" in each]
    if way == "back":
        found = [
            each["command"] if each["undo"] == "gate" else each["undo"] for each in reversed(stages)
        ]
    else:
        found = [each["command"] for each in stages if each["kind"] != "complete"]
    return [
        each.removeprefix("python -m extracted.accounts.").removeprefix("move ")
        for each in found
        if each != "nothing"
    ]


@pytest.fixture
def run(pair):
    """A function: run commands of the road; what they print."""

    def run(*commands):
        lines = []
        for command in commands:
            if command == "verify":
                is_same = compare(pair.url("monolith"), pair.url("accounts"), lines.append)
                assert is_same, lines
                continue
            ended = CliRunner().invoke(move.main, command.split(), env=pair.environment)
            assert ended.exit_code == 0, (command, ended.output, ended.exception)
            lines += ended.output.splitlines()
        return lines

    return run


@pytest.fixture
def refused(pair):
    """A function: run a command that fails; its line on standard error."""

    def refused(command):
        ended = CliRunner().invoke(move.main, command.split(), env=pair.environment)
        assert ended.exit_code == 1
        return ended.output.strip()

    return refused


@pytest.fixture
def killed(pair):
    """A function: call one of the functions of the move, killed before each of its statements in
    turn; after each death, then() is called."""

    def killed(function, then):
        at = 0
        while True:
            executed = []
            try:
                with pair.sides() as sides:
                    function(dying(sides, executed, at))
            except Killed:
                then()
                at += 1
            else:
                return at

    return killed


def dying(sides, executed, at):
    monolith, accounts = (Dying(each, executed, at) for each in (sides.monolith, sides.accounts))
    return move.Sides(
        monolith,
        accounts,
        replace(sides.to_accounts, publisher=monolith, subscriber=accounts),
        replace(sides.to_monolith, publisher=accounts, subscriber=monolith),
    )


@contextmanager
def writers(pair, count=3):
    """Writers that add accounts at a side that lets them; yields the ids of those that were
    acknowledged, and stops when the block ends."""
    acknowledged, stop = [], threading.Event()

    def write(number):
        added = 0
        connections = {owner: pair.connect(owner) for owner in servers.OWNERS}
        open_to = "monolith"
        while not stop.is_set():
            id = f"w{number}-{added}"
            try:
                connections[open_to].execute(ADD, [id, id])
                acknowledged.append(id)
                added += 1
            except psycopg.errors.CannotConnectNow:
                open_to = "accounts" if open_to == "monolith" else "monolith"
            time.sleep(0.002)
        for each in connections.values():
            each.close()

    threads = [threading.Thread(target=write, args=[number]) for number in range(count)]
    for each in threads:
        each.start()
    try:
        yield acknowledged
    finally:
        stop.set()
        for each in threads:
            each.join()


def ids(pair, owner):
    return {id for (id,) in pair.rows(owner, IDS)}


def add(pair, owner, *ids):
    with pair.connect(owner) as connection:
        for id in ids:
            connection.execute(ADD, [id, id])


# There and back


def test_accounts_move_there_and_back_and_there_again_while_others_write(pair, run):
    add(pair, "monolith", "a1", "a2")
    moved = []

    with writers(pair) as acknowledged:
        for way in ("there", "back", "there"):
            run(*commands_of(way))
            moved.append(len(acknowledged))
            eventually(lambda: len(acknowledged) > moved[-1] + 20)  # noqa: B023

    run("close accounts", "catch-up monolith", "verify")
    assert ids(pair, "accounts") == {"a1", "a2", *acknowledged} == ids(pair, "monolith")
    assert run("end")[-1] == "replication slots left: 0"
    assert pair.left() == []


def test_a_transaction_that_is_open_across_the_fence_is_not_lost(pair, run):
    run("close accounts", "begin")
    with psycopg.connect(pair.url("monolith")) as held:
        held.execute(ADD, ["held", "held"])
        committing = threading.Timer(0.6, held.commit)
        committing.start()
        run("close monolith")
        committing.join()

    run("catch-up accounts", "verify")

    assert ids(pair, "accounts") == {"held"}


def test_changes_and_deletions_are_replicated_too(pair, run):
    add(pair, "monolith", "a1", "a2")
    run("close accounts", "begin")
    with pair.connect("monolith") as connection:
        connection.execute("update accounts set role = 'organiser' where id = 'a1'")
        connection.execute("delete from accounts where id = 'a2'")
        connection.execute("insert into ended_sessions values ('s1', now(), 1)")

    run("close monolith", "catch-up accounts", "verify")

    assert pair.rows("accounts", "select id, role from accounts") == [("a1", "organiser")]
    assert pair.rows("accounts", "select sid from ended_sessions") == [("s1",)]


def test_a_row_is_not_sent_round_in_circles(pair, run):
    run(*THERE, "turn", "open accounts")
    add(pair, "accounts", "a1")
    run(*BACK)
    add(pair, "monolith", "a2")

    run("catch-up accounts")

    assert ids(pair, "accounts") == ids(pair, "monolith") == {"a1", "a2"}


def test_a_move_turns_round_before_and_after_the_other_direction_exists(pair, run):
    add(pair, "monolith", "a1")
    run(*THERE)

    lines = run("catch-up monolith", "open monolith", "end")
    add(pair, "monolith", "a2")

    assert lines[0] == "monolith follows nobody"
    run(*THERE, "verify", "turn", "turn", *HOME)
    assert ids(pair, "monolith") == {"a1", "a2"}
    assert pair.left() == []


# Interruptions


def test_begin_may_be_run_twice(pair, run):
    add(pair, "monolith", "a1")

    run("close accounts", "begin", "begin", "close monolith", "catch-up accounts", "verify")

    assert len(pair.left()) == 3


def test_a_begin_that_was_killed_anywhere_can_be_run_again_or_ended(pair, run, killed):
    with pair.connect("monolith") as connection:
        connection.execute(MANY.format(50))
    run("close accounts")
    deaths = []

    def then():
        deaths.append(1)
        if len(deaths) % 2:
            run("end")
            assert pair.left() == []

    killed(move.begin, then)

    run("close monolith", "catch-up accounts", "verify", "end")
    assert len(deaths) > 10
    assert pair.left() == []


def test_a_process_that_is_killed_during_the_first_copy_leaves_nothing(pair, run):
    with pair.connect("monolith") as connection:
        connection.execute(MANY.format(30_000))
    run("close accounts")
    begun = subprocess.Popen(
        [sys.executable, "-m", "extracted.accounts.move", "begin"],
        cwd=HERE.path,
        env={**os.environ, **pair.environment},
    )
    eventually(lambda: len(pair.left()) > 2)
    begun.kill()
    begun.wait()

    run("end")
    assert pair.left() == []

    run("begin", "close monolith", "catch-up accounts", "verify")


def test_an_end_that_was_killed_anywhere_can_be_run_again(pair, run, killed):
    add(pair, "monolith", "a1")
    run(*TURNED)

    deaths = killed(move.drop, lambda: None)

    assert deaths > 5
    assert pair.left() == []


def test_a_turn_that_was_killed_anywhere_can_be_run_again(pair, run, killed):
    run(*THERE)

    killed(move.turn, lambda: None)
    run("open accounts")
    add(pair, "accounts", "a1")

    run(*HOME)
    assert ids(pair, "monolith") == {"a1"}


@pytest.mark.parametrize("owner", servers.OWNERS)
def test_a_server_that_has_another_port_is_found_again(pair, run, owner):
    add(pair, "monolith", "a0")
    run(*TURNED)
    pair.stop(owner)
    pair.start(owner)
    add(pair, "accounts", "a1")

    run(*BACK)
    add(pair, "monolith", "a2")
    run("catch-up accounts")

    assert ids(pair, "monolith") == ids(pair, "accounts") == {"a0", "a1", "a2"}
    assert run("end") == ["replication slots left: 0"]


@pytest.mark.parametrize("owner", servers.OWNERS)
def test_the_move_is_ended_whatever_port_a_server_has(pair, run, owner):
    run(*THERE, "turn", "open accounts")
    pair.stop(owner)
    pair.start(owner)

    run("end")

    assert pair.left() == []


# The end, and what is refused


def test_completing_leaves_the_rows_at_the_service_only(pair, run, killed):
    add(pair, "monolith", "a1")
    run(*TURNED)

    killed(move.complete, lambda: None)

    assert (ids(pair, "monolith"), ids(pair, "accounts")) == (set(), {"a1"})
    assert pair.left() == []
    with pair.connect("monolith") as connection:
        assert not fence.is_closed(connection)


def test_the_rows_of_a_side_that_is_in_use_are_not_deleted(pair, run, refused):
    run(*THERE, "turn", "open accounts")
    add(pair, "accounts", "a1")

    assert refused("begin") == "encore: the fence of accounts is open, so its rows may be in use"
    assert refused("turn").startswith("encore: a fence is open")
    run("close accounts")
    assert refused("complete").startswith("encore: the fence of accounts is closed")

    assert ids(pair, "accounts") == {"a1"}


def test_no_password_is_printed_or_logged(pair, run, refused):
    pair.log.write_text("")
    run(*THERE, "turn", "open accounts")
    pair.stop("monolith")
    printed = [refused(command) for command in ("begin", "catch-up accounts", "end")]
    pair.start("monolith")
    run("close accounts")
    for owner, sql in WITHOUT_RIGHTS.items():
        with pair.servers[owner].connect() as superuser:
            superuser.execute(sql)
        printed.append(refused("begin"))
        pair.servers[owner].create(owner)
    run("end")

    passwords = [pair.servers[owner].password_of(owner) for owner in servers.OWNERS]
    everything = "\n".join(printed) + pair.log.read_text()
    assert "ERROR" in pair.log.read_text()
    assert [each for each in passwords if each in everything] == []

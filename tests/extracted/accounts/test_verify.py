"""Whatever differs between the rows of the monolith and those of the service is named, and no value
of a row is printed."""

import ast
import os
import subprocess
import sys

import psycopg
import pytest

from extracted.accounts.verify import compare
from tests.extracted.accounts import servers
from tools.lab.ground.tree import HERE

both, pair = servers.both, servers.pair
HASH = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$"
ROWS = """
insert into accounts (id, email, name, password_hash, created_at, role, version)
select 'a' || n, n || '@encore.example', 'Ada', %s || n,
    timestamptz '2030-01-01Z' + n * interval '1 microsecond', 'customer', 1
from generate_series(1, 5) n"""
SESSIONS = """
insert into ended_sessions (sid, expires_at, version)
select 's' || n, timestamptz '2030-01-01Z', 1 from generate_series(1, 2) n"""

RENAMED = """
do $$ begin
    alter table ended_sessions rename column edition to version;
exception when undefined_column then null;
end $$"""


@pytest.fixture
def urls(pair):
    """The URLs of both databases, with the same rows."""
    urls = [pair.url(owner) for owner in servers.OWNERS]
    for url in urls:
        with psycopg.connect(url) as connection:
            connection.execute(ROWS, [HASH])
            connection.execute(SESSIONS)
    yield urls
    with psycopg.connect(urls[1]) as connection:
        connection.execute(RENAMED)


@pytest.fixture
def change(urls):
    """A function: execute a statement in the service's database, or in both."""

    def change(sql, *, everywhere=False):
        for url in urls if everywhere else urls[1:]:
            with psycopg.connect(url) as connection:
                connection.execute(sql)

    return change


@pytest.fixture
def verify(urls):
    """A function: (whether all is the same, what is printed)"""

    def verify():
        lines = []
        return compare(*urls, lines.append), lines

    return verify


def test_the_same_rows_are_the_same(verify):
    is_same, lines = verify()

    assert is_same
    assert lines == [
        "accounts: 5 rows in the monolith, 5 in the service",
        "ended_sessions: 2 rows in the monolith, 2 in the service",
        "compared 7: equal 7, missing 0, extra 0, differing 0",
    ]


@pytest.mark.parametrize(
    ("damage", "named", "counts"),
    [
        (
            "update accounts set password_hash = password_hash || 'x' where id = 'a3'",
            "accounts a3: differs in password_hash",
            "compared 7: equal 6, missing 0, extra 0, differing 1",
        ),
        (
            "update accounts set role = 'organiser', version = 2 where id = 'a3'",
            "accounts a3: differs in role, version",
            "compared 7: equal 6, missing 0, extra 0, differing 1",
        ),
        (
            "delete from accounts where id = 'a3'",
            "accounts a3: is missing in the service",
            "compared 7: equal 6, missing 1, extra 0, differing 0",
        ),
        (
            "insert into accounts values ('a9', '9@x', 'Ada', 'hash', now(), 'customer', 1)",
            "accounts a9: is only in the service",
            "compared 8: equal 7, missing 0, extra 1, differing 0",
        ),
        (
            "update accounts set created_at = '2030-01-01Z' where id = 'a3'",
            "accounts a3: differs in created_at",
            "compared 7: equal 6, missing 0, extra 0, differing 1",
        ),
        (
            "delete from ended_sessions where sid = 's2'",
            "ended_sessions s2: is missing in the service",
            "compared 7: equal 6, missing 1, extra 0, differing 0",
        ),
        (
            "alter table ended_sessions rename column version to edition",
            "ended_sessions: the service has no column version",
            "compared 6: equal 5, missing 0, extra 0, differing 1",
        ),
        (
            "truncate accounts",
            "accounts: 5 rows in the monolith, 0 in the service",
            "compared 7: equal 2, missing 5, extra 0, differing 0",
        ),
    ],
)
def test_what_differs_is_named_without_its_value(change, verify, damage, named, counts):
    change(damage)

    is_same, lines = verify()

    assert not is_same
    assert named in lines
    assert lines[-1] == counts
    assert HASH not in "".join(lines)
    assert "encore.example" not in "".join(lines)


def test_an_empty_source_is_named(urls, verify):
    with psycopg.connect(urls[0]) as connection:
        connection.execute("truncate accounts, ended_sessions")

    is_same, lines = verify()

    assert not is_same
    assert "accounts: 0 rows in the monolith, 5 in the service" in lines
    assert lines[-1] == "compared 7: equal 0, missing 0, extra 7, differing 0"


def test_where_there_is_no_account_nothing_was_compared(change, verify):
    change("truncate accounts", everywhere=True)

    is_same, lines = verify()

    assert not is_same
    assert "accounts: nothing was compared" in lines


def test_nobody_needs_to_have_signed_out(change, verify):
    change("truncate ended_sessions", everywhere=True)

    is_same, lines = verify()

    assert is_same
    assert lines[-1] == "compared 5: equal 5, missing 0, extra 0, differing 0"


def test_a_few_examples_of_many_are_printed(change, verify):
    change("update accounts set name = 'Eve'")

    _, lines = verify()

    assert len([line for line in lines if line.startswith("accounts a")]) == 3
    assert lines[-1] == "compared 7: equal 2, missing 0, extra 0, differing 5"


def test_it_shares_no_code_with_the_move():
    tree = ast.parse((HERE.path / "extracted" / "accounts" / "verify.py").read_text())

    nodes = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = {getattr(node, "module", None) or node.names[0].name for node in nodes}

    ours = [name for name in names if name.startswith(("kit", "extracted", "monolith"))]
    assert sorted(ours) == ["kit", "kit.settings"]


@pytest.mark.parametrize("words", [["verify"], ["move", "begin"]])
@pytest.mark.parametrize(
    ("monolith", "code", "cause"),
    [
        ("", 2, "encore: MONOLITH_DATABASE_URL is not set (see docs/settings.md)"),
        ("postgresql://a:b@127.0.0.1:1/c", 1, "encore: connection"),
    ],
)
def test_what_cannot_be_done_is_one_line(urls, words, monolith, code, cause):
    environment = {"DATABASE_URL": urls[1], "MONOLITH_DATABASE_URL": monolith}

    ended = subprocess.run(
        [sys.executable, "-m", f"extracted.accounts.{words[0]}", *words[1:]],
        cwd=HERE.path,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert (ended.returncode, len(ended.stderr.splitlines())) == (code, 1), ended.stderr
    assert ended.stderr.startswith(cause)

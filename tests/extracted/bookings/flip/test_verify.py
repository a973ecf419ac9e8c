"""Whatever differs between the rows of the monolith and those of the service is named."""

import ast

import pytest

from extracted.bookings.move import TABLES
from extracted.bookings.verify import COMPARED, compare
from tests.extracted.bookings.flip.sides import SIDES
from tools.lab.ground.tree import HERE

ROWS = """
insert into holds (id, account_id, event_id, seats, total, currency, expires_at, used)
select 'h' || n, 'ada', 'event', array['s' || n, 't' || n], 4500 + n, 'EUR',
  timestamptz '2030-01-01Z' + n * interval '1 microsecond', n < 4 from generate_series(1, 5) n;
insert into bookings
  (id, account_id, event_id, hold_id, total, currency, created_at, status, version)
select 'b' || n, 'ada', 'event', 'h' || n, 4500 + n, case when n < 3 then 'EUR' else 'USD' end,
  timestamptz '2030-01-01Z', 'confirmed', 2 from generate_series(1, 3) n;
insert into booking_seats (booking_id, seat_id, position)
select 'b' || n, 's' || n, n from generate_series(1, 3) n;
insert into claims (seat_id, event_id, hold_id, until)
select 's' || n, 'event', case when n > 3 then 'h' || n end,
  case when n > 3 then timestamptz '2030-01-01Z' else 'infinity' end from generate_series(1, 5) n;
insert into idempotency_keys (account_id, key, fingerprint, booking_id, created_at)
values ('ada', 'key', 'f', 'b1', '2030-01-01Z')"""
SUMS = [
    "bookings confirmed EUR: 9003 on both sides",
    "bookings confirmed USD: 4503 on both sides",
    "holds not used EUR: 9009 on both sides",
    "holds used EUR: 13506 on both sides",
]
EVERYTHING = f"truncate {', '.join(TABLES)}"


@pytest.fixture
def execute(pair):
    """A function: execute statements on a side, as replication does: without triggers and keys."""

    def execute(side, sql):
        with pair.servers[side].connect(side) as superuser:
            superuser.execute("set session_replication_role = replica")
            superuser.execute(sql)

    return execute


@pytest.fixture
def filled(execute):
    """Both sides have the same rows."""
    for side in SIDES:
        execute(side, ROWS)


@pytest.fixture
def verify(pair):
    """A function: (whether all is the same, what is printed)"""

    def verify():
        lines = []
        return compare(*(pair.url(side) for side in SIDES), lines.append), lines

    return verify


def test_the_same_rows_are_the_same(filled, verify):
    is_same, lines = verify()

    assert is_same
    assert lines == [
        *SUMS,
        "holds: 5 rows in the monolith, 5 in the service",
        "claims: 5 rows in the monolith, 5 in the service",
        "bookings: 3 rows in the monolith, 3 in the service",
        "booking_seats: 3 rows in the monolith, 3 in the service",
        "idempotency_keys: 1 rows in the monolith, 1 in the service",
        "compared 17: equal 17, missing 0, extra 0, differing 0",
    ]


@pytest.mark.parametrize(
    ("damage", "named", "counts"),
    [
        (
            "update bookings set total = total + 1 where id = 'b3'",
            [
                "bookings b3: differs in total",
                "bookings confirmed USD: 4503 in the monolith, 4504 in the service",
            ],
            "compared 17: equal 16, missing 0, extra 0, differing 1",
        ),
        (
            "update bookings set total = 9003 - total where id in ('b1', 'b2')",
            ["bookings b1: differs in total", "bookings b2: differs in total", SUMS[0]],
            "compared 17: equal 15, missing 0, extra 0, differing 2",
        ),
        (
            "update bookings set status = 'cancelled', version = 3 where id = 'b1'",
            [
                "bookings b1: differs in status, version",
                "bookings cancelled EUR: 0 in the monolith, 4501 in the service",
            ],
            "compared 17: equal 16, missing 0, extra 0, differing 1",
        ),
        (
            "update holds set used = true where id = 'h5'",
            [
                "holds h5: differs in used",
                "holds used EUR: 13506 in the monolith, 18011 in the service",
            ],
            "compared 17: equal 16, missing 0, extra 0, differing 1",
        ),
        (
            "update holds set seats = '{t5,s5}' where id = 'h5'",
            ["holds h5: differs in seats"],
            "compared 17: equal 16, missing 0, extra 0, differing 1",
        ),
        (
            "update holds set expires_at = '2030-01-01Z' where id = 'h5'",
            ["holds h5: differs in expires_at"],
            "compared 17: equal 16, missing 0, extra 0, differing 1",
        ),
        (
            "update claims set until = 'infinity', hold_id = null where seat_id = 's5'",
            ["claims s5: differs in hold_id, until"],
            "compared 17: equal 16, missing 0, extra 0, differing 1",
        ),
        (
            "delete from claims where seat_id = 's1'",
            [
                "claims s1: is missing in the service",
                "claims: 5 rows in the monolith, 4 in the service",
            ],
            "compared 17: equal 16, missing 1, extra 0, differing 0",
        ),
        (
            "insert into claims (seat_id, event_id, until) values ('s9', 'event', 'infinity')",
            ["claims s9: is only in the service"],
            "compared 18: equal 17, missing 0, extra 1, differing 0",
        ),
        (
            "update booking_seats set seat_id = 's9' where seat_id = 's3'",
            [
                "booking_seats b3 s3: is missing in the service",
                "booking_seats b3 s9: is only in the service",
            ],
            "compared 18: equal 16, missing 1, extra 1, differing 0",
        ),
        (
            "update idempotency_keys set booking_id = 'b2'",
            ["idempotency_keys ada key: differs in booking_id"],
            "compared 17: equal 16, missing 0, extra 0, differing 1",
        ),
        (
            "truncate idempotency_keys",
            [
                "idempotency_keys ada key: is missing in the service",
                "idempotency_keys: 1 rows in the monolith, 0 in the service",
            ],
            "compared 17: equal 16, missing 1, extra 0, differing 0",
        ),
    ],
)
def test_what_differs_is_named(filled, execute, verify, damage, named, counts):
    execute("bookings", damage)

    is_same, lines = verify()

    assert not is_same
    assert [line for line in named if line not in lines] == []
    assert lines[-1] == counts


def test_an_empty_source_is_named(filled, execute, verify):
    execute("monolith", EVERYTHING)

    is_same, lines = verify()

    assert not is_same
    assert "bookings: 0 rows in the monolith, 3 in the service" in lines
    assert lines[-1] == "compared 17: equal 0, missing 0, extra 17, differing 0"


def test_where_there_is_no_booking_nothing_was_compared(pair, verify):
    is_same, lines = verify()

    assert not is_same
    assert "bookings: nothing was compared" in lines


def test_nobody_needs_to_have_sent_a_key(filled, execute, verify):
    for side in SIDES:
        execute(side, "truncate idempotency_keys")

    is_same, _ = verify()

    assert is_same


def test_a_few_examples_of_many_are_printed(filled, execute, verify):
    execute("bookings", "update holds set account_id = 'eve'")

    _, lines = verify()

    assert len([line for line in lines if line.startswith("holds h")]) == 3
    assert lines[-1] == "compared 17: equal 12, missing 0, extra 0, differing 5"


def test_its_exit_code_says_whether_all_is_equal(filled, execute, run):
    assert run("verify")[0] == 0

    execute("bookings", "delete from claims where seat_id = 's1'")

    code, output, _ = run("verify")
    assert code == 1
    assert "claims s1: is missing in the service" in output.splitlines()


def test_it_compares_all_tables_that_move():
    assert {rows.table for rows in COMPARED} == set(TABLES)


@pytest.mark.parametrize(
    ("path", "its_own"),
    [
        ("extracted/bookings/verify.py", ["kit", "kit.settings"]),
        ("kit/comparison.py", []),
    ],
)
def test_it_shares_no_code_with_the_move(path, its_own):
    tree = ast.parse((HERE.path / path).read_text())

    nodes = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = {getattr(node, "module", None) or node.names[0].name for node in nodes}

    ours = [name for name in names if name.startswith(("kit", "extracted", "monolith"))]
    assert sorted(ours) == its_own

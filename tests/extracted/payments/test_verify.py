"""Whatever differs between the rows of the monolith and those of the service is named."""

import ast

import pytest

from extracted.payments.verify import compare
from tools.lab.ground.tree import HERE

ALL_EQUAL = "compared 18: equal 18, missing 0, extra 0, differing 0"
EXTRA = """
insert into payments (id, booking_id, kind, amount, currency, status, created_at)
values ('p10', 'b1', 'refund', 100, 'EUR', 'succeeded', '2030-01-01Z')"""


@pytest.fixture
def verify(database_url, service_url):
    """A function: (whether all is the same, what is printed)"""

    def verify():
        lines = []
        is_same = compare(database_url, service_url, lines.append)
        return is_same, lines

    return verify


@pytest.fixture
def copied(monolith, service, filled):
    """Both databases have the same rows; those of other consumers do not count."""
    filled(monolith)
    filled(service)
    service.execute("delete from inbox where consumer = 'payments'")
    for row in monolith.execute("select * from inbox where consumer = 'payments'").fetchall():
        service.execute("insert into inbox values (%s, %s, %s)", row)
    service.execute("delete from inbox where consumer = 'bookings'")


def test_the_same_rows_are_the_same(copied, verify):
    is_same, lines = verify()

    assert is_same
    assert lines == [
        "succeeded charge EUR: 22515 on both sides",
        "succeeded charge USD: 18030 on both sides",
        "customers: 5 rows in the monolith, 5 in the service",
        "payments: 9 rows in the monolith, 9 in the service",
        "inbox: 4 rows in the monolith, 4 in the service",
        ALL_EQUAL,
    ]


@pytest.mark.parametrize(
    ("damage", "named", "counts"),
    [
        (
            "update payments set amount = amount + 1 where id = 'p3'",
            [
                "payments p3: differs in amount",
                "succeeded charge EUR: 22515 in the monolith, 22516 in the service",
            ],
            "compared 18: equal 17, missing 0, extra 0, differing 1",
        ),
        (
            "delete from payments where id = 'p3'",
            [
                "payments p3: is missing in the service",
                "payments: 9 rows in the monolith, 8 in the service",
            ],
            "compared 18: equal 17, missing 1, extra 0, differing 0",
        ),
        (
            EXTRA,
            [
                "payments p10: is only in the service",
                "payments: 9 rows in the monolith, 10 in the service",
                "succeeded refund EUR: 0 in the monolith, 100 in the service",
            ],
            "compared 19: equal 18, missing 0, extra 1, differing 0",
        ),
        (
            "update payments set amount = 9005 - amount where id in ('p2', 'p3')",
            [
                "payments p2: differs in amount",
                "payments p3: differs in amount",
                "succeeded charge EUR: 22515 on both sides",
            ],
            "compared 18: equal 16, missing 0, extra 0, differing 2",
        ),
        (
            "update payments set id = 'q' || id where id = 'p3'",
            ["payments p3: is missing in the service", "payments qp3: is only in the service"],
            "compared 19: equal 17, missing 1, extra 1, differing 0",
        ),
        (
            "update payments set currency = 'CHF' where id = 'p3'",
            [
                "payments p3: differs in currency",
                "succeeded charge CHF: 0 in the monolith, 4503 in the service",
            ],
            "compared 18: equal 17, missing 0, extra 0, differing 1",
        ),
        (
            "update payments set account_id = 'a1' where id = 'p9'",
            ["payments p9: differs in account_id"],
            "compared 18: equal 17, missing 0, extra 0, differing 1",
        ),
        (
            "update payments set created_at = '2030-01-01Z' where id = 'p3'",
            ["payments p3: differs in created_at"],
            "compared 18: equal 17, missing 0, extra 0, differing 1",
        ),
        (
            "update customers set provider_id = 'cus_1' where account_id = 'a2'",
            ["customers a2: differs in provider_id"],
            "compared 18: equal 17, missing 0, extra 0, differing 1",
        ),
        (
            "delete from inbox where message_id = 'm4'",
            ["inbox m4: is missing in the service"],
            "compared 18: equal 17, missing 1, extra 0, differing 0",
        ),
        (
            "alter table payments drop column version",
            ["payments: the service has no column version"],
            "compared 10: equal 9, missing 0, extra 0, differing 1",
        ),
        (
            "truncate payments",
            ["payments p1: is missing in the service", "payments p3: is missing in the service"],
            "compared 18: equal 9, missing 9, extra 0, differing 0",
        ),
    ],
)
def test_what_differs_is_named(copied, service, verify, damage, named, counts):
    service.execute(damage)

    is_same, lines = verify()

    assert not is_same
    assert [line for line in named if line not in lines] == []
    assert lines[-1] == counts


def test_an_empty_source_is_named(copied, monolith, verify):
    monolith.execute("truncate customers, payments, inbox")

    is_same, lines = verify()

    assert not is_same
    assert "payments: 0 rows in the monolith, 9 in the service" in lines
    assert lines[-1] == "compared 18: equal 0, missing 0, extra 18, differing 0"


@pytest.mark.parametrize("table", ["customers", "payments", "inbox"])
def test_a_table_in_which_nothing_was_compared_fails(copied, monolith, service, verify, table):
    for connection in (monolith, service):
        connection.execute(f"truncate {table}")

    is_same, lines = verify()

    assert not is_same
    assert f"{table}: nothing was compared" in lines


def test_a_few_examples_of_many_are_printed(copied, service, verify):
    service.execute("update payments set amount = 1")

    _, lines = verify()

    assert len([line for line in lines if line.startswith("payments p")]) == 3
    assert lines[-1] == "compared 18: equal 9, missing 0, extra 0, differing 9"


def test_it_shares_no_code_with_the_backfill():
    tree = ast.parse((HERE.path / "extracted" / "payments" / "verify.py").read_text())

    nodes = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = {getattr(node, "module", None) or node.names[0].name for node in nodes}

    ours = [name for name in names if name.startswith(("kit", "extracted", "monolith"))]
    assert sorted(ours) == ["kit", "kit.settings"]

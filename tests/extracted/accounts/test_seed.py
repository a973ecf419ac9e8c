"""The accounts of the sample: the same numbers give the same rows, and they are published once."""

import os
import subprocess
import sys

import pytest

from kit import sample

PASSWORDS = ["--fan-password", "fan-of-encore", "--organiser-password", "organiser-of-encore"]
SMALL = ["seed", "--accounts", "5", "--today", "2030-01-01", *PASSWORDS]
ROWS = "select id, email, name, created_at, role, version from accounts order by email"


def test_loading_the_accounts_twice_changes_nothing(command, rows, published):
    assert command(*SMALL, "--events", "20") == "Loaded 5 accounts.\n"
    first = rows(ROWS), rows("select password_hash from accounts"), published()

    assert command(*SMALL) == "The sample data is there already.\n"

    assert (rows(ROWS), rows("select password_hash from accounts"), published()) == first


def test_the_same_numbers_give_the_same_accounts(command, rows, process):
    command(*SMALL)
    first = rows(ROWS)
    with process.database.transaction() as session:
        session.connection().exec_driver_sql("truncate accounts")

    command(*SMALL)

    assert rows(ROWS) == first
    assert [name for _, _, name, *_ in first] == [
        "Customer 3",
        "Customer 4",
        "Customer 5",
        "Fan",
        "Organiser",
    ]


def test_customers_have_the_ids_that_bookings_knows(command, rows):
    command(*SMALL)

    customers = rows("select id from accounts where role = 'customer'")
    assert {id for (id,) in customers} == {
        sample.account_id(1, email) for email in sample.customers(5)
    }


@pytest.mark.parametrize(("name", "role"), [("fan", "customer"), ("organiser", "organiser")])
def test_the_fan_and_the_organiser_can_sign_in(command, client, name, role):
    command(*SMALL)

    credentials = {"email": f"{name}@encore.example", "password": f"{name}-of-encore"}
    signed_in = client.post("/api/sessions", json=credentials)

    assert (signed_in.status_code, signed_in.json["role"]) == (201, role)


def test_each_account_is_published_once_as_a_snapshot(command, rows, published):
    command(*SMALL)

    messages = published()

    assert sorted(message.key for message in messages) == sorted(id for id, *_ in rows(ROWS))
    assert {(message.type, message.snapshot) for message in messages} == {
        ("account.registered", True)
    }


def test_two_seeds_at_once_load_the_accounts_once(environ):
    command = [sys.executable, "-m", "flask", "--app", "extracted.accounts.app", *SMALL]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}

    both = [subprocess.Popen(command, env=os.environ | environ, **options) for _ in range(2)]

    outputs = sorted(seed.communicate(timeout=60)[0] for seed in both)
    assert outputs == ["Loaded 5 accounts.\n", "The sample data is there already.\n"]

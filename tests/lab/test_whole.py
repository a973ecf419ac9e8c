"""The running system that tests share: what one test did to it, the next one does not see."""

import signal

from kafka.admin import KafkaAdminClient
from kafka.errors import CoordinatorLoadInProgressError

NEW = {"email": "ada@encore.example", "password": "correct horse", "name": "Ada"}
TABLES = "select tablename from pg_tables where schemaname = 'public' order by 1"


def rows(running):
    """{(owner, table): how many rows it has} of every database."""
    return {
        (owner, table): running.rows(owner, f"select count(*) from {table}")
        for owner in running.system.servers
        for (table,) in running.rows(owner, TABLES)
    }


def states(running):
    return {each["name"]: each["state"] for each in running.system.supervisor.facts()}


def register(running):
    assert running.request("POST", "/api/accounts", json=NEW).status == 201


def book(running):
    """Hold and buy a seat as the fan of the sample; answers the status."""
    fan = running.sign_in("fan@encore.example")
    event = fan.request("GET", "/api/events").json["items"][0]["id"]
    seats = fan.request("GET", f"/api/events/{event}/seats").json["items"]
    free = next(seat["id"] for seat in seats if seat["status"] == "free")
    hold = fan.request("POST", f"/api/events/{event}/holds", json={"seats": [free]}).json["id"]
    body = {"hold_id": hold, "payment_method": "pm_card_visa"}
    return fan.request("POST", "/api/bookings", json=body).status


def test_rows_mail_money_and_messages_are_those_of_the_sample_again(whole, eventually):
    running = whole.healed()
    before = rows(running)
    register(running)
    assert book(running) == 201
    eventually(lambda: running.mails() and running.charges())

    running = whole.healed()

    assert rows(running) == before
    assert (running.mails(), running.charges(), running.events("accounts")) == ([], [], [])
    assert book(running) == 201


def test_stopped_and_killed_processes_run_again_and_knobs_are_reset(whole):
    running = whole.healed()
    public = running.system.public_process()
    running.sandbox(refuse=True)
    running.mail_knobs(refuse=True)
    running.stop("mail")
    running.kill("postgres")
    running.kill(public, signal.SIGSTOP)

    running = whole.healed()

    assert set(states(running).values()) == {"running"}
    assert book(running) == 201


def test_instances_come_and_go_as_a_test_needs_them(whole):
    two = set(states(whole.healed(web=2)))
    one = set(states(whole.healed()))

    assert {"web.1", "web.2"} <= two
    assert "web" in one
    assert not {"web.1", "web.2"} & one


def test_one_that_cannot_be_mended_is_replaced(whole):
    running = whole.healed()
    before = rows(running)
    with running.system.servers["monolith"].connect("monolith") as connection:
        connection.execute("drop table bookings cascade")

    running = whole.healed()

    assert rows(running).keys() == before.keys()
    assert book(running) == 201


def test_a_broker_that_still_loads_its_groups_is_waited_for(whole, monkeypatch, eventually):
    def refuse(admin):
        raise CoordinatorLoadInProgressError("error 14")

    whole.healed()
    with monkeypatch.context() as loading:
        loading.setattr(KafkaAdminClient, "list_groups", refuse)

        assert not whole.flow.is_settled()

    eventually(whole.flow.is_settled)

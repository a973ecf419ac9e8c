import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest

from tools.lab.experiment.road import THERE
from tools.lab.experiment.stages import copy_rows
from tools.lab.ground.waiting import eventually, free_port
from tools.lab.services.postgres import PostgreSQL
from tools.lab.system.state import remove


@pytest.fixture
def server(tmp_path):
    """A server that is started and stopped by hand."""
    server = PostgreSQL(tmp_path / "postgres", free_port(), durable=False)
    server.running = None

    def start():
        server.prepare()
        server.running = subprocess.Popen(
            server.command(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **server.run_as(),
        )
        eventually(server.is_ready)

    server.start = start
    start()
    yield server
    server.running.send_signal(signal.SIGQUIT)
    server.running.wait(20)
    shutil.rmtree(server.home)


def test_it_is_a_recent_postgresql_with_one_collation_everywhere(server):
    with server.connect() as connection:
        version, collation = connection.execute(
            "select current_setting('server_version_num')::int, datlocale from pg_database where "
            "datname = 'postgres'"
        ).fetchone()

    assert version >= 180000
    assert collation == "C.UTF-8"


def test_rows_are_copied_with_the_columns_that_the_table_has_there(server):
    databases = {}
    tables = {"ours": "id int, note text, version int", "theirs": "note text, id int"}
    for owner, columns in tables.items():
        server.create(owner)
        databases[f"{owner.upper()}_DATABASE_URL"] = server.url(owner)
        with psycopg.connect(server.url(owner)) as connection:
            connection.execute(f"create table kept ({columns}, unique (id))")
    with psycopg.connect(server.url("ours")) as connection:
        connection.execute("insert into kept values (1, 'one', 1), (2, 'two', 1), (3, 'three', 1)")
    rows = {"from": "ours", "to": "theirs", "table": "kept", "where": "id < 3"}

    for _ in range(2):
        copy_rows(SimpleNamespace(settings=databases), THERE, **rows)

    with psycopg.connect(server.url("theirs")) as connection:
        assert connection.execute("table kept").fetchall() == [("one", 1), ("two", 2)]


def test_an_owner_gets_at_its_own_database_only(server):
    server.create("ours")
    server.create("theirs")

    psycopg.connect(server.url("ours")).close()

    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(server.url("ours").removesuffix("ours") + "theirs")


def test_an_owner_may_replicate_its_tables_to_another(server):
    server.create("ours")
    server.create("theirs")
    with psycopg.connect(server.url("ours"), autocommit=True) as connection:
        connection.execute("create table kept (id int primary key)")
        connection.execute("create publication leaving for table kept")
        connection.execute("select pg_create_logical_replication_slot('leaving', 'pgoutput')")
        connection.execute("insert into kept values (1)")

    with psycopg.connect(server.url("theirs"), autocommit=True) as connection:
        connection.execute("create table kept (id int primary key)")
        connection.execute(
            f"create subscription leaving connection '{server.url('ours')}' publication leaving "
            "with (create_slot = false, copy_data = false)"
        )
        eventually(lambda: connection.execute("select id from kept").fetchall() == [(1,)])
        connection.execute("drop subscription leaving")


def test_without_the_password_nobody_gets_in(server):
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(
            host="127.0.0.1", port=server.port, user="postgres", password="wrong", dbname="postgres"
        )


def test_the_superuser_and_each_owner_have_passwords_of_their_own(server):
    for owner in ("ours", "theirs"):
        server.create(owner)
    urls = [server.url(owner) for owner in ("ours", "theirs")]

    for wrong in (urls[0].replace("//ours", "//postgres"), urls[0].replace("ours", "theirs")):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(wrong)


def test_an_owner_from_before_gets_the_password_that_its_url_has(server):
    with server.connect() as connection:
        connection.execute("create role ours login password 'of-old'")

    server.create("ours")

    psycopg.connect(server.url("ours")).close()


def test_committed_rows_survive_a_sudden_death(server):
    server.create("ours")
    with psycopg.connect(server.url("ours")) as connection:
        connection.execute("create table kept as select 1 as one")
    server.running.kill()
    server.running.wait()

    eventually(lambda: _started(server))

    with psycopg.connect(server.url("ours")) as connection:
        assert connection.execute("select one from kept").fetchone() == (1,)


def _started(server):
    """Whether it came up: its former children may hold the shared memory for a moment yet."""
    server.prepare()
    server.running = subprocess.Popen(
        server.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **server.run_as()
    )
    return (
        eventually(lambda: server.is_ready() or server.running.poll() is not None)
        and server.is_ready()
    )


def test_a_lock_file_of_a_process_that_is_gone_is_no_obstacle(server):
    lock = server.data / "postmaster.pid"
    text = lock.read_text()
    server.running.send_signal(signal.SIGQUIT)
    server.running.wait(20)
    lock.write_text("1\n" + text.partition("\n")[2])

    server.start()

    assert server.is_ready()


def test_a_state_is_thrown_away_with_all_its_servers_wherever_their_data_lie(tmp_path):
    state = tmp_path / "state"  # which nobody, whom servers of root's run as, cannot get at
    homes = [PostgreSQL(state / name, 0).home for name in ("postgres", "postgres-notifications")]
    for home in homes:
        home.mkdir()
        (home / "of").write_text(home.name)

    remove(state)

    assert not any(path.exists() for path in (state, *homes))


def test_a_state_that_is_made_anew_at_the_same_path_begins_with_new_data(tmp_path):
    directory = tmp_path / "state" / "postgres"
    before = PostgreSQL(directory, 0)
    before.prepare()
    shutil.rmtree(directory.parent)

    after = PostgreSQL(directory, 0)

    assert not after.data.exists()
    shutil.rmtree(before.home, ignore_errors=True)
    shutil.rmtree(after.home, ignore_errors=True)


def test_a_umask_that_closes_new_files_to_others_is_no_obstacle(tmp_path):
    # in a process of its own, with its own places for what root keeps outside the checkout
    program = (
        "import os, sys; from pathlib import Path; from tools.lab.services import postgres\n"
        "os.umask(0o077)\n"
        "postgres.KEPT_IN = Path(sys.argv[1]); server = postgres.PostgreSQL(Path(sys.argv[2]), 1)\n"
        "server.prepare(); print((server.data / 'PG_VERSION').read_text())"
    )
    with tempfile.TemporaryDirectory(dir="/var/tmp") as kept_in:
        Path(kept_in).chmod(0o755)

        made = subprocess.run(
            [sys.executable, "-c", program, kept_in, str(tmp_path / "state" / "postgres")],
            capture_output=True,
            text=True,
        )

    assert made.stdout.strip() == "18", made.stderr


def test_copies_are_made_of_a_database_as_it_was_when_it_was_kept(server):
    server.create("ours")
    server.templates["ours"] = server.keep("ours", "empty")
    with server.connect("ours") as connection:
        connection.execute("create table later as select 1 as one")

    server.create("copied", role="ours", template="ours")

    with server.connect("copied") as connection:
        assert connection.execute("select to_regclass('later')").fetchone() == (None,)

"""While the fence of the service's own database is closed, requests wait; the process is ready."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from extracted.accounts import fence

NEW = {"email": "new@encore.example", "password": "correct horse", "name": "New"}
KNOWN = {"email": "fan@encore.example", "password": "correct horse"}
ASKING = """
select count(*) from pg_stat_activity
where datname = current_database() and query like '%pg_trigger%' and pid <> pg_backend_pid()"""


@pytest.fixture
def database(services, environ):
    """A superuser's connection to the service's database."""
    name = environ["DATABASE_URL"].rpartition("/")[2]
    with services.servers["accounts"].connect(name) as connection:
        yield connection


REQUESTS = {
    "register": lambda client: client.post("/api/accounts", json=NEW),
    "sign in": lambda client: client.post("/api/sessions", json=KNOWN),
    "sign out": lambda client: client.delete("/api/sessions"),
    "me": lambda client: client.get("/api/accounts/me"),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_sees_a_row_that_came_while_it_waited(fan, database, eventually, name):
    [row] = database.execute("delete from accounts returning *").fetchall()
    fence.close(database)

    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(partial(REQUESTS[name], fan))
        eventually(lambda: database.execute(ASKING).fetchone() > (0,))
        with database.transaction():
            database.execute("set local session_replication_role = replica")
            database.execute(f"insert into accounts values ({', '.join(['%s'] * len(row))})", row)
        fence.open_(database)

    assert waiting.result().status_code in (200, 201, 204)


def test_a_process_whose_fence_is_closed_is_ready(client, database):
    fence.close(database)

    assert client.get("/health/ready").status_code == 200

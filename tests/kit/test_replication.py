"""Rows of some tables follow from one database to another, in one direction or in both."""

import pytest

from kit.replication import Replication
from tests.kit.servers import servers

OWNERS = ("ours", "theirs")
TABLES = ("things", "parts")
MAKE = """
create table things (id int primary key, note text);
create table parts (id int primary key);
create table others (id int primary key)"""
LEFT = """
select 'slot ' || slot_name from pg_replication_slots
union all select 'publication ' || pubname from pg_publication
union all select 'subscription ' || subname from pg_subscription"""
ADD = "insert into things values (%s, 'new')"


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    with servers(tmp_path_factory.mktemp("replication"), *OWNERS) as both:
        for owner in OWNERS:
            with both.connect(owner) as connection:
                connection.execute(MAKE)
        yield both


@pytest.fixture
def sides(both):
    """{owner: a connection to the owner's database}, without a row."""
    sides = {owner: both.connect(owner) for owner in OWNERS}
    yield sides
    for source, target in (OWNERS, OWNERS[::-1]):
        replication(both, sides, source, target).drop()
    for side in sides.values():
        side.execute("truncate things, parts, others")
        side.close()


def replication(both, sides, source, target):
    return Replication(f"to_{target}", TABLES, sides[source], sides[target], both.url(source))


@pytest.fixture
def there(both, sides):
    return replication(both, sides, *OWNERS)


@pytest.fixture
def back(both, sides):
    return replication(both, sides, *OWNERS[::-1])


def ids(side, table="things"):
    return [id for (id,) in side.execute(f"select id from {table} order by id")]


def left(sides):
    return [name for side in sides.values() for (name,) in side.execute(LEFT)]


def test_rows_are_copied_first_and_follow_then(sides, there):
    sides["ours"].execute(ADD, [1])
    there.start(copy=True)
    there.wait_for_copy()
    assert ids(sides["theirs"]) == [1]

    sides["ours"].execute(ADD, [2])
    sides["ours"].execute("update things set note = 'old' where id = 1")
    sides["ours"].execute("delete from things where id = 2")
    sides["ours"].execute(ADD, [3])

    assert there.catch_up()
    notes = sides["theirs"].execute("select id, note from things order by id").fetchall()
    assert notes == [(1, "old"), (3, "new")]


def test_other_tables_do_not_follow(sides, there):
    sides["ours"].execute("insert into others values (1)")
    there.start(copy=True)
    there.wait_for_copy()
    sides["ours"].execute("insert into others values (2)")

    there.catch_up()

    assert ids(sides["theirs"], "others") == []


def test_without_a_copy_only_later_rows_follow(sides, there):
    sides["ours"].execute(ADD, [1])
    there.start(copy=False)
    sides["ours"].execute(ADD, [2])

    there.catch_up()

    assert ids(sides["theirs"]) == [2]


def test_in_both_directions_no_row_comes_back(sides, there, back):
    for each in (there, back):
        each.start(copy=False)
    sides["ours"].execute(ADD, [1])
    there.catch_up()
    sides["theirs"].execute("update things set note = 'theirs'")
    sides["theirs"].execute(ADD, [2])

    back.catch_up()
    there.catch_up()

    rows = [side.execute("select id, note from things order by id") for side in sides.values()]
    assert [each.fetchall() for each in rows] == [[(1, "theirs"), (2, "new")]] * 2
    errors = "select sum(apply_error_count) from pg_stat_subscription_stats"
    assert [side.execute(errors).fetchone() for side in sides.values()] == [(0,), (0,)]


def test_an_emptied_table_does_not_empty_the_other_one(sides, there):
    there.start(copy=False)
    sides["ours"].execute(ADD, [1])
    there.catch_up()

    sides["ours"].execute("truncate things")
    there.catch_up()

    assert ids(sides["theirs"]) == [1]


def test_triggers_do_not_see_what_is_replicated(sides, there):
    sides["theirs"].execute(
        "create or replace function refuse() returns trigger language plpgsql as "
        "$$ begin raise exception 'refused'; end $$;"
        "create trigger refuse before insert on things for each statement execute function refuse()"
    )
    sides["ours"].execute(ADD, [1])
    there.start(copy=True)
    there.wait_for_copy()
    sides["ours"].execute(ADD, [2])

    there.catch_up()

    assert ids(sides["theirs"]) == [1, 2]
    sides["theirs"].execute("drop trigger refuse on things")


def test_nothing_is_left_behind(sides, there, back):
    there.start(copy=True)
    there.wait_for_copy()
    back.start(copy=False)
    assert len(left(sides)) == 6

    for each in (there, back, there, back):
        each.drop()

    assert left(sides) == []
    assert [each.slots_left() for each in (there, back)] == [0, 0]


def test_who_follows_nobody_has_nothing_to_wait_for(there):
    assert there.catch_up() is False


def test_the_password_is_not_in_its_text(both, there):
    assert both.servers["ours"].password_of("ours") not in repr(there)

"""Compares the rows of payments in the monolith's database with those in the service's, while
nobody writes them: python -m extracted.payments.verify

It shares no code with what has copied them, and asks the monolith's database for the columns: so it
finds what the copying does not know. Counts, keys, the hash of each row, and the sums of money."""

import os
import sys
from collections import Counter
from contextlib import ExitStack

import click
import psycopg
from psycopg import IsolationLevel
from psycopg.rows import dict_row

from kit.settings import DATABASE, REQUIRED, database, or_exit, parse

SETTINGS = {**DATABASE, "MONOLITH_DATABASE_URL": (database, REQUIRED)}
TABLES = {  # table: (key, which rows)
    "customers": ("account_id", "true"),
    "payments": ("id", "true"),
    "inbox": ("message_id", "consumer = 'payments'"),
}
COLUMNS = """
select quote_ident(column_name) from information_schema.columns
where table_schema = current_schema() and table_name = %s order by ordinal_position"""
MONEY = """
select concat_ws(' ', status, kind, currency), sum(amount) from payments
group by status, kind, currency"""
EXAMPLES = 3  # of each kind and table
FETCHED = 10_000  # rows at a time
EQUAL, MISSING, EXTRA, DIFFERING = "equal", "missing", "extra", "differing"
IN_WORDS = {MISSING: "is missing in the service", EXTRA: "is only in the service"}


def compare(monolith_url, service_url, tell=print):
    """Tell what differs; whether all is equal, and of each table something was compared."""
    with ExitStack() as stack:
        old, new = (stack.enter_context(connect(url)) for url in (monolith_url, service_url))
        found = {table: compare_table(old, new, table, tell) for table in TABLES}
        is_same_money = compare_money(old, new, tell)
    total = sum(found.values(), Counter())
    for table in TABLES:
        if not found[table].total():
            tell(f"{table}: nothing was compared")
    counts = ", ".join(f"{kind} {total[kind]}" for kind in (EQUAL, MISSING, EXTRA, DIFFERING))
    tell(f"compared {total.total()}: {counts}")
    return is_same_money and all(each.keys() == {EQUAL} for each in found.values())


def connect(url):
    """A connection that sees one state of its database until it ends, and writes nothing."""
    connection = psycopg.connect(url, options="-c timezone=UTC -c datestyle=ISO")
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    return connection


def compare_table(old, new, table, tell):
    """How many rows of a table are equal, missing, extra and differing; a Counter."""
    columns, theirs = (columns_of(connection, table) for connection in (old, new))
    if unknown := [column for column in columns if column not in theirs]:
        tell(f"{table}: the service has no column {', '.join(unknown)}")
        return Counter({DIFFERING: 1})
    counts = Counter()
    examples = {MISSING: [], EXTRA: [], DIFFERING: []}
    for key, one, other in paired(*(hashes(each, table, columns) for each in (old, new))):
        kind = kind_of(one, other)
        counts[kind] += 1
        if kind != EQUAL and len(examples[kind]) < EXAMPLES:
            examples[kind].append(key)
    for kind, keys in examples.items():
        for key in keys:
            words = IN_WORDS.get(kind) or difference(old, new, table, columns, key)
            tell(f"{table} {key}: {words}")
    rows = counts[EQUAL] + counts[DIFFERING]
    both = rows + counts[MISSING], rows + counts[EXTRA]
    tell(f"{table}: {both[0]} rows in the monolith, {both[1]} in the service")
    return counts


def columns_of(connection, table):
    return [name for (name,) in connection.execute(COLUMNS, [table])]


def hashes(connection, table, columns):
    """(key, hash of the row) of each row, in the order of the keys' characters."""
    key, where = TABLES[table]
    with connection.cursor(f"rows_of_{table}") as cursor:
        cursor.itersize = FETCHED
        cursor.execute(
            f"""select {key}, md5(row({", ".join(columns)})::text) from {table}
                where {where} order by {key} collate "C" """
        )
        yield from cursor


def paired(ours, theirs):
    """(key, hash here, hash there) of two ordered series of (key, hash); None for a hash that there
    is not."""
    one, other = next(ours, None), next(theirs, None)
    while one or other:
        if other is None or (one and one[0] < other[0]):
            yield *one, None
            one = next(ours, None)
        elif one is None or other[0] < one[0]:
            yield other[0], None, other[1]
            other = next(theirs, None)
        else:
            yield *one, other[1]
            one, other = next(ours, None), next(theirs, None)


def kind_of(one, other):
    if one == other:
        return EQUAL
    return MISSING if other is None else EXTRA if one is None else DIFFERING


def difference(old, new, table, columns, key):
    """The columns in which a row differs, with both values."""
    one, other = (row(connection, table, columns, key) for connection in (old, new))
    return ", ".join(
        f"{column} is {one[column]} in the monolith, {other[column]} in the service"
        for column in one
        if one[column] != other[column]
    )


def row(connection, table, columns, key):
    """{column: its value as text} of one row."""
    name, where = TABLES[table]
    values = ", ".join(f"{column}::text" for column in columns)
    query = f"select {values} from {table} where {where} and {name} = %s"
    return connection.cursor(row_factory=dict_row).execute(query, [key]).fetchone()


def compare_money(old, new, tell):
    """Tell the sums of money on both sides; whether they are the same."""
    ours, theirs = (dict(connection.execute(MONEY).fetchall()) for connection in (old, new))
    for which in sorted(ours.keys() | theirs.keys()):
        here, there = ours.get(which, 0), theirs.get(which, 0)
        words = "on both sides" if here == there else f"in the monolith, {there} in the service"
        tell(f"{which}: {here} {words}")
    return ours == theirs


@click.command()
def main():
    """Compare customers, payments and inbox rows in the monolith's database with the service's.

    DATABASE_URL is the service's database, MONOLITH_DATABASE_URL the monolith's. The exit code is
    1 if anything differs, or if nothing was compared."""
    settings = or_exit(parse, SETTINGS, os.environ)
    try:
        is_same = compare(settings.monolith_database_url, settings.database_url)
    except psycopg.Error as error:
        sys.exit(f"encore: {str(error).strip().partition(chr(10))[0]}")
    sys.exit(0 if is_same else 1)


if __name__ == "__main__":
    main()

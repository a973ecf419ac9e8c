"""Compares the rows of tables in two databases, while nobody writes them.

It shares no code with what moves rows, and asks the old database for the columns: so it finds what
the moving does not know. Keys, the hash of each row, and sums of money. It names the columns that
differ, and never prints a value of a row: one of them may be a credential."""

from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import IsolationLevel
from psycopg.rows import dict_row

COLUMNS = """
select quote_ident(column_name) from information_schema.columns
where table_schema = current_schema() and table_name = %s order by ordinal_position"""
EXAMPLES = 3  # of each kind and table
FETCHED = 10_000  # rows at a time
EQUAL, MISSING, EXTRA, DIFFERING = "equal", "missing", "extra", "differing"
IN_WORDS = {MISSING: "is missing in the service", EXTRA: "is only in the service"}


@contextmanager
def snapshots(*urls):
    """Connections that see one state of their databases until they end, and write nothing."""
    with ExitStack() as stack:
        yield [stack.enter_context(_snapshot(url)) for url in urls]


def _snapshot(url):
    connection = psycopg.connect(url, options="-c timezone=UTC -c datestyle=ISO")
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    return connection


@dataclass(frozen=True)
class Rows:
    """The rows of a table that are compared: key and where are expressions of SQL."""

    table: str
    key: str
    where: str = "true"


def compare(old, new, compared, never_empty, tell):
    """Tell what differs in Rows; whether all is equal, and each table of never_empty has some."""
    found = {rows.table: compare_rows(old, new, rows, tell) for rows in compared}
    total = sum(found.values(), Counter())
    if empty := [table for table in never_empty if not found[table].total()]:
        tell(f"{', '.join(empty)}: nothing was compared")
    counts = ", ".join(f"{kind} {total[kind]}" for kind in (EQUAL, MISSING, EXTRA, DIFFERING))
    tell(f"compared {total.total()}: {counts}")
    return not empty and total.keys() == {EQUAL}


def compare_rows(old, new, rows, tell):
    """How many of the rows are equal, missing, extra and differing; a Counter."""
    table = rows.table
    columns, theirs = (columns_of(connection, table) for connection in (old, new))
    if unknown := [column for column in columns if column not in theirs]:
        tell(f"{table}: the service has no column {', '.join(unknown)}")
        return Counter({DIFFERING: 1})
    counts = Counter()
    examples = {MISSING: [], EXTRA: [], DIFFERING: []}
    for which, one, other in paired(*(hashes(each, rows, columns) for each in (old, new))):
        kind = kind_of(one, other)
        counts[kind] += 1
        if kind != EQUAL and len(examples[kind]) < EXAMPLES:
            examples[kind].append(which)
    for kind, some in examples.items():
        for which in some:
            words = IN_WORDS.get(kind) or difference(old, new, rows, columns, which)
            tell(f"{table} {which}: {words}")
    both = counts[EQUAL] + counts[DIFFERING]
    sums = both + counts[MISSING], both + counts[EXTRA]
    tell(f"{table}: {sums[0]} rows in the monolith, {sums[1]} in the service")
    return counts


def columns_of(connection, table):
    return [name for (name,) in connection.execute(COLUMNS, [table])]


def hashes(connection, rows, columns):
    """(key, hash of the row) of each row, in the order of the keys' characters."""
    with connection.cursor(f"rows_of_{rows.table}") as cursor:
        cursor.itersize = FETCHED
        cursor.execute(
            f"""select {rows.key}, md5(row({", ".join(columns)})::text) from {rows.table}
                where {rows.where} order by ({rows.key}) collate "C" """
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


def difference(old, new, rows, columns, which):
    """The names of the columns in which a row differs."""
    one, other = (row(each, rows, columns, which) for each in (old, new))
    return f"differs in {', '.join(column for column in one if one[column] != other[column])}"


def row(connection, rows, columns, which):
    """{column: the hash of its value} of one row."""
    values = ", ".join(f"md5({column}::text) as {column}" for column in columns)
    query = f"select {values} from {rows.table} where {rows.where} and {rows.key} = %s"
    return connection.cursor(row_factory=dict_row).execute(query, [which]).fetchone()


def compare_money(old, new, sums, tell):
    """Tell what a query for (name, sum) answers on both sides; whether it is the same."""
    ours, theirs = (dict(connection.execute(sums).fetchall()) for connection in (old, new))
    for which in sorted(ours.keys() | theirs.keys()):
        here, there = ours.get(which, 0), theirs.get(which, 0)
        words = "on both sides" if here == there else f"in the monolith, {there} in the service"
        tell(f"{which}: {here} {words}")
    return ours == theirs

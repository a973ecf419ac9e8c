"""Compares the rows of tables in two databases, while nobody writes them.

It shares no code with what moves rows, and asks the old database for the columns: so it finds what
the moving does not know. Keys, and the hash of each row. It names the columns that differ, and
never prints a value: one of them may be a credential."""

from collections import Counter
from contextlib import ExitStack, contextmanager

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


def compare(old, new, keys, never_empty, tell):
    """Tell what differs in the tables; whether all is equal, and each of never_empty has rows.

    keys are {table: its key, as an expression of SQL}."""
    found = {table: compare_table(old, new, table, key, tell) for table, key in keys.items()}
    total = sum(found.values(), Counter())
    if empty := [table for table in never_empty if not found[table].total()]:
        tell(f"{', '.join(empty)}: nothing was compared")
    counts = ", ".join(f"{kind} {total[kind]}" for kind in (EQUAL, MISSING, EXTRA, DIFFERING))
    tell(f"compared {total.total()}: {counts}")
    return not empty and total.keys() == {EQUAL}


def compare_table(old, new, table, key, tell):
    """How many rows of a table are equal, missing, extra and differing; a Counter."""
    columns, theirs = (columns_of(connection, table) for connection in (old, new))
    if unknown := [column for column in columns if column not in theirs]:
        tell(f"{table}: the service has no column {', '.join(unknown)}")
        return Counter({DIFFERING: 1})
    counts = Counter()
    examples = {MISSING: [], EXTRA: [], DIFFERING: []}
    for which, one, other in paired(*(hashes(each, table, key, columns) for each in (old, new))):
        kind = kind_of(one, other)
        counts[kind] += 1
        if kind != EQUAL and len(examples[kind]) < EXAMPLES:
            examples[kind].append(which)
    for kind, some in examples.items():
        for which in some:
            words = IN_WORDS.get(kind) or difference(old, new, table, key, columns, which)
            tell(f"{table} {which}: {words}")
    both = counts[EQUAL] + counts[DIFFERING]
    rows = both + counts[MISSING], both + counts[EXTRA]
    tell(f"{table}: {rows[0]} rows in the monolith, {rows[1]} in the service")
    return counts


def columns_of(connection, table):
    return [name for (name,) in connection.execute(COLUMNS, [table])]


def hashes(connection, table, key, columns):
    """(key, hash of the row) of each row, in the order of the keys' characters."""
    with connection.cursor(f"rows_of_{table}") as cursor:
        cursor.itersize = FETCHED
        cursor.execute(
            f"""select {key}, md5(row({", ".join(columns)})::text) from {table}
                order by ({key}) collate "C" """
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


def difference(old, new, table, key, columns, which):
    """The names of the columns in which a row differs."""
    one, other = (row(each, table, key, columns, which) for each in (old, new))
    return f"differs in {', '.join(column for column in one if one[column] != other[column])}"


def row(connection, table, key, columns, which):
    """{column: the hash of its value} of one row."""
    values = ", ".join(f"md5({column}::text) as {column}" for column in columns)
    query = f"select {values} from {table} where {key} = %s"
    return connection.cursor(row_factory=dict_row).execute(query, [which]).fetchone()

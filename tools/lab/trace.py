"""One booking through every table, topic and process: what `./lab trace` draws.

It knows no table of any step: a row belongs to a booking that it names, and so does a message; a trace belongs to it that such a message
was said in. Spans are read as the processes wrote them, in OpenTelemetry's JSON: docs/settings.md, TRACE_FOLDER."""

import json
from pathlib import Path

import psycopg
from psycopg import sql
from rich.table import Table
from rich.tree import Tree

from tools.lab import topics
from tools.lab.system import Failed
from tools.lab.tree import HERE

TABLES = "select tablename from pg_tables where schemaname = 'public' order by tablename"
NAMING = "select to_jsonb(t) from {} t where t::text like %s"
NANOSECONDS = 1e6  # in a millisecond


def show(out, told, booking):
    """Draw what belongs to a booking; told is what the running system notes of itself."""
    if len(booking) < 8:  # else it would be found everywhere
        raise Failed(f"{booking} is no booking's id", 2)
    found, messages = rows(told, booking), said(told, booking)
    if not found and not messages:
        raise Failed(f"no row and no message names {booking}", 2)
    out.print(as_table(("database", "table", "row"), [(owner, table, brief(row)) for owner, table, row in found]))
    if messages:
        lines = [(topic, each["headers"]["ce_time"][11:23], each["type"], brief(each["data"])) for topic, each in messages]
        out.print(as_table(("topic", "at", "type", "data"), lines))
    wanted = list(dict.fromkeys(id for _, each in messages if (id := trace_id(each))))
    spans = read_spans(told.get("TRACE_FOLDER"), wanted)
    for each in wanted:
        if mine := [span for span in spans if span["traceId"] == each]:
            out.print(drawn(each, mine))


def rows(told, booking):
    """[(owner, table, {column: value})] of the rows in every database that name the booking."""
    found = []
    for name, url in sorted(told.items()):
        if name.endswith("_DATABASE_URL"):
            with psycopg.connect(url, autocommit=True) as connection:
                for (table,) in connection.execute(TABLES).fetchall():
                    asked = connection.execute(sql.SQL(NAMING).format(sql.Identifier(table)), [f"%{booking}%"])
                    found += [(name.removesuffix("_DATABASE_URL").lower(), table, row) for (row,) in asked]
    return found


def said(told, booking):
    """[(topic, message)] of the messages that name the booking, in the order of their time."""
    address = told.get("KAFKA_BOOTSTRAP_SERVERS")
    if not address:
        return []
    found = [(topic, each) for topic in HERE.topics for each in topics.said(address, topic) if booking in json.dumps([each["key"], each["data"]])]
    return sorted(found, key=lambda each: each[1]["headers"].get("ce_time", ""))


def trace_id(message):
    return (message["headers"].get("traceparent") or "-").split("-")[1]


def read_spans(folder, wanted):
    """The spans of these traces, in the order in which they began, each with the service it is of."""
    found = []
    for path in sorted(Path(folder).glob("*.jsonl")) if folder else ():
        for line in path.read_text().splitlines():
            if any(each in line for each in wanted):
                found += spans_of(json.loads(line), wanted)
    return sorted(found, key=lambda span: int(span["startTimeUnixNano"]))


def spans_of(exported, wanted):
    for resource in exported["resourceSpans"]:
        about = {each["key"]: each["value"].get("stringValue", "") for each in resource["resource"]["attributes"]}
        for scope in resource["scopeSpans"]:
            yield from ({**span, "service": about["service.name"]} for span in scope["spans"] if span["traceId"] in wanted)


def drawn(id, spans):
    """A trace as a tree: when each span began after the first, and how long it took, in milliseconds."""
    began, nodes = int(spans[0]["startTimeUnixNano"]), {}
    root = Tree(f"trace {id}")
    for span in spans:
        start, end = int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])
        label = f"{(start - began) / NANOSECONDS:8.1f} ms  [cyan]{span['service']}[/]  {span['name']}  {(end - start) / NANOSECONDS:.1f} ms"
        nodes[span["spanId"]] = nodes.get(span.get("parentSpanId"), root).add(label)
    return root


def as_table(columns, lines):
    table = Table(*columns, box=None)
    for line in lines:
        table.add_row(*line)
    return table


def brief(data):
    """What is in data, on one line of a table; what is empty is left out."""
    return ", ".join(f"{name} {value if not isinstance(value, (dict, list)) else json.dumps(value)}" for name, value in data.items() if value not in (None, ""))

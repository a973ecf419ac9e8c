"""One booking through every table, topic and process: what `./lab trace` draws.

It knows no table of any step: a row or a message belongs to a booking if it contains the booking's
id. The traces of these messages belong to the booking too. Processes write their spans as
OpenTelemetry's JSON: docs/settings.md, TRACE_FOLDER."""

import json
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

import psycopg
from psycopg import sql
from rich.table import Table
from rich.tree import Tree

from tools.lab.ground.failed import Failed
from tools.lab.ground.tree import HERE
from tools.lab.look import topics

TABLES = "select tablename from pg_tables where schemaname = 'public' order by tablename"
NAMING = "select to_jsonb(t) from {} t where t::text like %s"
NANOSECONDS = 1e6  # in a millisecond
CONSUMER = 5  # OTLP's number of this kind of span


def show(out, settings, booking):
    """Print the rows, messages and traces of a booking in the system with these settings."""
    if len(booking) < 8:  # a shorter text would be found everywhere
        raise Failed(f"{booking} is no booking's id", 2)
    found = rows(settings, booking)
    messages = messages_of(settings, booking)
    if not found and not messages:
        raise Failed(f"no row and no message names {booking}", 2)
    out.print(
        as_table(
            ("database", "table", "row"),
            [(owner, table, brief(row, booking)) for owner, table, row in found],
        )
    )
    if messages:
        lines = [
            (
                topic,
                each["headers"].get("ce_time", "")[11:23],
                each["type"],
                brief(each["data"], booking),
            )
            for topic, each in messages
        ]
        out.print(as_table(("topic", "at", "type", "data"), lines))
    trace_ids = list(dict.fromkeys(id for _, each in messages if (id := trace_id(each))))
    spans = read_spans(settings.get("TRACE_FOLDER"))
    for each in trace_ids:
        if each in spans:
            out.print(drawn(each, spans[each]))


def rows(settings, booking):
    """[(owner, table, {column: value})] of the rows in every database that name the booking."""
    found = []
    for name, url in sorted(settings.items()):
        if name.endswith("_DATABASE_URL"):
            with psycopg.connect(url, autocommit=True) as connection:
                for (table,) in connection.execute(TABLES).fetchall():
                    naming = connection.execute(
                        sql.SQL(NAMING).format(sql.Identifier(table)), [f"%{booking}%"]
                    )
                    found += [
                        (name.removesuffix("_DATABASE_URL").lower(), table, row)
                        for (row,) in naming
                    ]
    return found


def messages_of(settings, booking):
    """[(topic, message)] of the messages that name the booking, in the order of their times."""
    address = settings.get("KAFKA_BOOTSTRAP_SERVERS")
    if not address:
        return []
    found = [
        (topic, each)
        for topic in HERE.topics
        for each in topics.messages(address, topic)
        if booking in json.dumps([each["key"], each["data"]])
    ]
    return sorted(found, key=lambda each: each[1]["headers"].get("ce_time", ""))


def trace_id(message):
    return (message["headers"].get("traceparent") or "-").split("-")[1]


def read_spans(folder):
    """{trace id: its spans, in the order of their starts, each with the name of its service}"""
    found = defaultdict(list)
    for path in sorted(Path(folder).glob("*.jsonl")) if folder else ():
        for line in path.read_text().splitlines():
            # an incomplete line: the process is writing it, or was killed while it wrote
            with suppress(ValueError):
                for span in spans_of(json.loads(line)):
                    found[span["traceId"]].append(span)
    return {
        id: sorted(spans, key=lambda span: int(span["startTimeUnixNano"]))
        for id, spans in found.items()
    }


def spans_of(exported):
    for resource in exported["resourceSpans"]:
        about = {
            each["key"]: each["value"].get("stringValue", "")
            for each in resource["resource"]["attributes"]
        }
        for scope in resource["scopeSpans"]:
            yield from ({**span, "service": about["service.name"]} for span in scope["spans"])


def drawn(id, spans):
    """A trace as a tree: the start of each span after that of the first, and how long it took, in
    milliseconds. Of a span that was tried again, only the last try is drawn."""
    began = int(spans[0]["startTimeUnixNano"])
    nodes = {}
    root = Tree(f"trace {id}")
    tries = defaultdict(list)
    for span in spans:
        if span["kind"] == CONSUMER:
            tries[span.get("parentSpanId"), span["name"]].append(span["spanId"])
    over = {id for ids in tries.values() for id in ids[:-1]}
    for span in spans:
        if not over & {span["spanId"], span.get("parentSpanId")}:
            start, end = int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])
            times = len(tries.get((span.get("parentSpanId"), span["name"]), ()))
            label = (
                f"{(start - began) / NANOSECONDS:8.1f} ms  [cyan]{span['service']}[/]  "
                f"{span['name']}  {(end - start) / NANOSECONDS:.1f} ms"
            )
            nodes[span["spanId"]] = nodes.get(span.get("parentSpanId"), root).add(
                label + (f", {times} tries" if times > 1 else "")
            )
    return root


def as_table(columns, lines):
    table = Table(*columns, box=None)
    for line in lines:
        table.add_row(*line)
    return table


def brief(data, booking):
    """The fields of data on one line, without empty and nested ones."""
    flat = {
        name: "this one" if value == booking else value
        for name, value in data.items()
        if not isinstance(value, (dict, list, type(None)))
    }
    return ", ".join(f"{name} {value}" for name, value in flat.items())

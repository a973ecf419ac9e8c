"""How far the parts of a step are entangled: what of each other they import, refer to and ask, and
how many statements a request takes."""

import ast
import re

from tools.lab.ground.failed import Failed
from tools.lab.look.running import Running
from tools.lab.system.state import temporary_state
from tools.lab.system.system import System

NAMED = re.compile(r"__tablename__ = \"(\w+)\"|\bTable\(\s*\"(\w+)\"")
ASKED = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE) \"?(\w+)")
# the bounds of a transaction, and the look whether a connection is still good
NOT_COUNTED = re.compile(r"(BEGIN|COMMIT|ROLLBACK|;)")
KEYS = (
    "select conrelid::regclass::text, confrelid::regclass::text from pg_constraint where "
    "contype = 'f'"
)


def run(out, tree):
    """Measure, and answer the figures: {name: [value]}."""
    owners = table_owners(tree)
    with temporary_state(tree) as state:
        system = System(
            tree,
            state,
            seed=(20, 30),
            durable=False,
            show=lambda name, line: None,
            progress=lambda line: out.print(f"{line} ...", style="dim"),
        )
        try:
            running = Running(system.start())
            keys = [
                key
                for key in running.rows("monolith", KEYS)
                if len({owners.get(table) for table in key}) > 1
            ]
            for name in tree.processes():
                if not tree.serves(name):
                    # a facade asks every instance whether it is well, a relay and a worker have
                    # questions of their own
                    system.supervisor.stop(name)
            running.url = f"http://127.0.0.1:{system.supervisor.find('web').port}"
            requests = tour(running)
        finally:
            if system.supervisor:
                system.stop()
    across = {
        sql
        for asked in requests.values()
        for sql in asked
        if len({owners[table] for table in ASKED.findall(sql) if table in owners}) > 1
    }
    return {
        "imports of another module's internals": [len(trespasses(tree, set(owners.values())))],
        "foreign keys between modules": [len(keys)],
        "statements that use tables of several modules": [len(across)],
        **{f"statements to {name}": [len(asked)] for name, asked in requests.items()},
    }


def table_owners(tree):
    """{table: the part in whose model it stands}"""
    models = sorted(tree.path.glob("monolith/*/model.py"))
    return {
        table: path.parent.name
        for path in models
        for names in NAMED.findall(path.read_text())
        for table in names
        if table
    }


def trespasses(tree, parts):
    """(file, module) of each import of another part's module that is not its service."""
    found = []
    for path in sorted(tree.path.glob("monolith/*/*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            named = (
                [f"{node.module}.{each.name}" for each in node.names]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            for words in (name.split(".") for name in named):
                if (
                    words[0] == "monolith"
                    and len(words) > 2
                    and words[1] in parts - {path.parent.name}
                    and words[2] != "service"
                ):
                    found.append((path.name, ".".join(words[:3])))
    return found


def tour(running):
    """{what a visitor does: the statements that the database was asked for it}, the second time it
    is done."""
    fan = running.sign_in("fan@encore.example")
    event = fan.request("GET", "/api/events").json["items"][0]["id"]
    free = [
        seat["id"]
        for seat in fan.request("GET", f"/api/events/{event}/seats").json["items"]
        if seat["status"] == "free"
    ]
    asked = {}

    def do(name, method, path, body=None):
        with running.statements() as statements:
            answer = fan.request(method, path, json=body)
        if answer.status not in (200, 201, 202):
            raise Failed(f"{name}: {answer.status} {answer.text}")
        asked[name] = [sql for sql in statements if not NOT_COUNTED.match(sql)]
        return answer.json

    for seat in free[:2]:
        do("list events", "GET", "/api/events")
        do("show an event", "GET", f"/api/events/{event}")
        do("show its seats", "GET", f"/api/events/{event}/seats")
        hold = do("hold", "POST", f"/api/events/{event}/holds", {"seats": [seat]})["id"]
        booking = do(
            "book", "POST", "/api/bookings", {"hold_id": hold, "payment_method": "pm_card_visa"}
        )["id"]
        do("list bookings", "GET", "/api/bookings")
        do("list payments", "GET", f"/api/payments?booking_id={booking}")
        do("recommend", "GET", "/api/recommendations")
        do("cancel", "POST", f"/api/bookings/{booking}/cancellation", {})
    return asked

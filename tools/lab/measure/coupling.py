"""How far the modules of a step are coupled: imports, foreign keys and statements across modules,
and the number of statements for each request."""

import ast
import re
from fnmatch import fnmatch

from tools.lab.ground.failed import Failed
from tools.lab.ground.http import Client
from tools.lab.look.running import Running
from tools.lab.measure.shopper import Shopper
from tools.lab.system.state import temporary_state
from tools.lab.system.system import System

TABLE = re.compile(r"__tablename__ = \"(\w+)\"|\bTable\(\s*\"(\w+)\"")
USED_TABLE = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE) \"?(\w+)")
# the begin and end of a transaction, and the check that a connection is still good
NOT_COUNTED = re.compile(r"(BEGIN|COMMIT|ROLLBACK|;)")
KIT = "kit"
TIMES = 2  # that each request is sent: the second time counts
FOREIGN_KEYS = (
    "select conrelid::regclass::text, confrelid::regclass::text from pg_constraint where "
    "contype = 'f'"
)


def run(out, tree):
    """{name: [value]} of a tree, measured on a system of its own."""
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
            keys = running.rows("monolith", FOREIGN_KEYS)
            buy(system)
            cookie = running.sign_in("fan@encore.example").cookie
            stop_all_but_the_web_processes(system)
            requests = tour(running, cookie)
        finally:
            if system.supervisor:
                system.stop()
    statements = {sql for each in requests.values() for sql in each}
    internal, imports = internal_imports(tree), imports_across(tree)
    return {
        "imports of another module's internals": [len(internal)],
        "imports of another module's public interface": [len(imports) - len(internal)],
        "foreign keys between modules": [sum(crosses(owners, tables) for tables in keys)],
        "statements that use tables of several modules": [
            sum(crosses(owners, USED_TABLE.findall(sql)) for sql in statements)
        ],
        "tables of the monolith's modules": [len(owners)],
        "lines of the monolith": [lines_of(tree)["monolith"]],
        **{f"statements to {name}": [len(each)] for name, each in requests.items()},
    }


def buy(system):
    """Make bookings of the fan, one to cancel for each time: later ones may stay pending, while the
    workers are stopped."""
    shopper = Shopper(system)
    for _ in range(TIMES):
        shopper.buy()
    shopper.connection.connections.close()


def stop_all_but_the_web_processes(system):
    """Stop the others, which send statements of their own: the facade's health checks, the relay,
    the workers."""
    for name in system.tree.processes():
        if not system.tree.serves(name):
            system.supervisor.stop(name)


def url_of(system, process):
    return f"http://127.0.0.1:{system.supervisor.find(process).port}"


def crosses(owners, tables):
    """Whether these tables belong to more than one module."""
    return len({owners[table] for table in tables if table in owners}) > 1


def modules(tree):
    """The names of the monolith's modules: the packages below monolith/."""
    return {path.parent.name for path in tree.path.glob("monolith/*/__init__.py")}


def table_owners(tree):
    """{table: the module whose model.py declares it}; the tables of kit belong to no module."""
    return {
        table: path.parent.name
        for path in sorted(tree.path.glob("monolith/*/model.py"))
        for names in TABLE.findall(path.read_text())
        for table in names
        if table
    }


def lines_of(tree):
    """{deployable: lines of its Python files}, and those of the kit, which each of them has."""
    folders = [tree.path / "monolith", tree.path / KIT]
    folders += [path.parent for path in sorted(tree.path.glob("extracted/*/__init__.py"))]
    return {
        folder.name: sum(len(path.read_text().splitlines()) for path in folder.rglob("*.py"))
        for folder in folders
        if folder.exists()
    }


def imports_across(tree):
    """(file, name) of each name that a module imports from another module."""
    known = modules(tree)
    return [
        (str(path.relative_to(tree.path)), name)
        for path in sorted(tree.path.glob("monolith/*/*.py"))
        for name in imported_names(path)
        if is_among(name, known - {path.parent.name})
    ]


def internal_imports(tree):
    """Those of another module's files; service.py, the public interface, is not counted."""
    return [(file, name) for file, name in imports_across(tree) if is_internal(name)]


def imported_names(path):
    """Each name that a file imports, with its module: monolith.catalog.model.Event."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{each.name}" for each in node.names)
        elif isinstance(node, ast.Import):
            yield from (each.name for each in node.names)


def is_among(name, modules):
    """Whether an imported name is one of these modules of the monolith, or inside one."""
    package, _, rest = name.partition(".")
    return package == "monolith" and rest.split(".")[0] in modules


def is_internal(name):
    """Whether a name of a module of the monolith is not in its service.py."""
    return name.split(".")[2:3] not in ([], ["service"])


def process_of(tree, method, path):
    """The process that answers a request, as the routes say."""
    asked = path.partition("?")[0]
    return next(
        route.process
        for route in tree.routes()
        if {method, "any"}.intersection(route.methods)
        and any(fnmatch(asked, each) for each in route.paths)
    )


def tour(running, cookie):
    """{what a visitor does, who is signed in with this cookie: the statements that the process
    which answers sent for it}, of the last time that it is done."""
    system = running.system

    def ask(method, path, body=None):
        client = Client(url_of(system, process_of(system.tree, method, path)))
        client.cookie = cookie
        return client.request(method, path, json=body)

    event = ask("GET", "/api/events").json["items"][0]["id"]
    seats = ask("GET", f"/api/events/{event}/seats").json["items"]
    free = [seat["id"] for seat in seats if seat["status"] == "free"]
    bought = ask("GET", "/api/bookings").json["items"]
    requests = {}

    def do(name, method, path, body=None):
        owner = system.tree.owner_of(process_of(system.tree, method, path))
        with running.statements(owner) as statements:
            answer = ask(method, path, body)
        if answer.status not in (200, 201, 202):
            raise Failed(f"{name}: {answer.status} {answer.text}")
        requests[name] = [sql for sql in statements if not NOT_COUNTED.match(sql)]
        return answer.json

    for seat, earlier in zip(free[:TIMES], bought[:TIMES], strict=True):
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
        do("cancel", "POST", f"/api/bookings/{earlier['id']}/cancellation", {})
    return requests

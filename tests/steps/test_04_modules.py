"""Step 04: give each module one public interface."""

import ast
import re
from pathlib import Path

TABLES = {
    "accounts": ("accounts", "ended_sessions"),
    "catalog": ("venues", "sections", "events", "seats"),
    "bookings": ("bookings", "booking_seats", "holds", "claims", "idempotency_keys"),
    "payments": ("payments",),
    "recommendations": ("tastes",),
    "notifications": ("mails",),
}
OWNER = {table: module for module, tables in TABLES.items() for table in tables}


def imported(path):
    """The dotted names that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def forbidden_imports():
    """(file, import) of every import of another module's internals."""
    for module in TABLES:
        for path in sorted(Path("monolith", module).glob("*.py")):
            for name in imported(path):
                package, owner, *inside = name.split(".")[:3] + [""] * (
                    3 - len(name.split(".")[:3])
                )
                if (
                    package == "monolith"
                    and owner in TABLES
                    and owner != module
                    and inside != ["service"]
                ):
                    yield str(path), name


def test_modules_import_only_public_interfaces_of_others():
    found = list(forbidden_imports())

    assert not found, (
        f"{len(found)} imports of another module's internals, such as {' of '.join(found[0])}"
    )


def test_each_statement_uses_tables_of_one_module(encore, eventually):
    with encore.statements() as statements, encore.statements("bookings") as of_bookings:
        fan = encore.sign_in("fan@encore.example")
        event = fan.request("GET", "/api/events").json["items"][0]["id"]
        free = [
            seat["id"]
            for seat in fan.request("GET", f"/api/events/{event}/seats").json["items"]
            if seat["status"] == "free"
        ]
        hold = fan.request("POST", f"/api/events/{event}/holds", json={"seats": free[:2]}).json[
            "id"
        ]
        booking = fan.request(
            "POST", "/api/bookings", json={"hold_id": hold, "payment_method": "pm_card_visa"}
        ).json["id"]
        eventually(
            lambda: fan.request("GET", f"/api/bookings/{booking}").json["status"] == "confirmed"
        )
        for path in (
            "/api/bookings",
            f"/api/bookings/{booking}",
            f"/api/payments?booking_id={booking}",
            "/api/recommendations",
        ):
            assert fan.request("GET", path).status == 200
        assert fan.request("POST", f"/api/bookings/{booking}/cancellation").status in (200, 202)

    modules = {
        sql: sorted(
            {
                OWNER[word]
                for word in re.findall(r"(?:FROM|JOIN|INTO|UPDATE) \"?(\w+)", sql)
                if word in OWNER
            }
        )
        for sql in (*statements, *of_bookings)
    }
    assert any(owners == ["bookings"] for owners in modules.values())
    across = {sql: owners for sql, owners in modules.items() if len(owners) > 1}
    assert not across, (
        f"{len(across)} statements that use tables of several modules, such as {next(iter(across))}"
    )

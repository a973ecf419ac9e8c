"""Step 04: give each part one door in the code."""

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
OWNER = {table: part for part, tables in TABLES.items() for table in tables}


def imported(path):
    """The modules that a file imports, as dotted names."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def trespasses():
    """(file, import) of every import of another part's insides, by a part that is still in the monolith."""
    for part in TABLES:
        for path in sorted(Path("monolith", part).glob("*.py")):
            for name in imported(path):
                package, of, *inside = name.split(".")[:3] + [""] * (3 - len(name.split(".")[:3]))
                if package == "monolith" and of in TABLES and of != part and inside != ["service"]:
                    yield str(path), name


def test_a_part_is_imported_by_its_door_only():
    found = list(trespasses())

    assert not found, f"{len(found)} imports of another part's insides, such as {' of '.join(found[0])}"


def test_a_statement_is_about_the_tables_of_one_part(encore):
    with encore.statements() as statements:
        fan = encore.sign_in("fan@encore.example")
        event = fan.request("GET", "/api/events").json["items"][0]["id"]
        free = [seat["id"] for seat in fan.request("GET", f"/api/events/{event}/seats").json["items"] if seat["status"] == "free"]
        hold = fan.request("POST", f"/api/events/{event}/holds", json={"seats": free[:2]}).json["id"]
        booking = fan.request("POST", "/api/bookings", json={"hold_id": hold, "payment_method": "pm_card_visa"}).json["id"]
        for path in ("/api/bookings", f"/api/bookings/{booking}", f"/api/payments?booking_id={booking}", "/api/recommendations"):
            assert fan.request("GET", path).status == 200
        assert fan.request("POST", f"/api/bookings/{booking}/cancellation").status in (200, 202)

    parts = {sql: sorted({OWNER[word] for word in re.findall(r"(?:FROM|JOIN|INTO|UPDATE) \"?(\w+)", sql) if word in OWNER}) for sql in statements}
    assert any(of == ["bookings"] for of in parts.values())
    across = {sql: of for sql, of in parts.items() if len(of) > 1}
    assert not across, f"{len(across)} statements over the tables of several parts, such as {next(iter(across))}"

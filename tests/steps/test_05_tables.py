"""Step 05: give each part its own tables and its own rights on them."""

TABLES = {
    "accounts": ("accounts", "ended_sessions"),
    "catalog": ("venues", "sections", "events", "seats"),
    "bookings": ("bookings", "booking_seats", "holds", "claims", "idempotency_keys"),
    "payments": ("payments", "customers"),
    "recommendations": ("tastes",),
    "notifications": ("mails",),
}
OWNER = {table: part for part, tables in TABLES.items() for table in tables}
KEYS = "select conrelid::regclass::text, confrelid::regclass::text from pg_constraint where contype = 'f' order by 1, 2"


def may(encore, part, table):
    """Whether a part's role may read a table, as the database itself says; nothing where there is no such role or table."""
    known = encore.rows("monolith", f"select 1 from pg_roles, pg_tables where rolname = 'encore_{part}' and tablename = '{table}'")
    return [] if not known else [allowed for (allowed,) in encore.rows("monolith", f"select has_table_privilege('encore_{part}', '{table}', 'select')")]


def test_no_foreign_key_crosses_from_one_part_to_another(encore):
    across = [f"{table} to {target}" for table, target in encore.rows("monolith", KEYS) if OWNER.get(table) != OWNER.get(target)]

    assert not across, f"{len(across)} foreign keys from one part's tables to another's, such as {across[0]}"


def test_a_parts_role_may_read_its_own_rows_and_is_refused_anothers(encore):
    rights = {(part, table): may(encore, part, table) for part in TABLES for table in ("accounts", "events", "bookings", "payments", "tastes", "mails")}

    assert {key: allowed for key, allowed in rights.items() if allowed != [OWNER[key[1]] == key[0]]} == {}


def test_a_seat_has_its_place_in_the_catalog_and_its_availability_in_bookings(encore):
    fan = encore.sign_in("fan@encore.example")
    event = fan.request("GET", "/api/events").json["items"][0]["id"]
    seat = next(seat["id"] for seat in fan.request("GET", f"/api/events/{event}/seats").json["items"] if seat["status"] == "free")
    held = fan.request("POST", f"/api/events/{event}/holds", json={"seats": [seat]}).json["id"]

    with encore.statements() as statements:
        booked = fan.request("POST", "/api/bookings", json={"hold_id": held, "payment_method": "pm_card_visa"}).json["status"]

    assert booked == "confirmed"
    assert [sql for sql in statements if sql.startswith("UPDATE seats")] == []

"""Step 05: give each module its own tables, and its own rights on them."""

TABLES = {
    "accounts": ("accounts", "ended_sessions"),
    "catalog": ("venues", "sections", "events", "seats"),
    "bookings": ("bookings", "booking_seats", "holds", "claims", "idempotency_keys"),
    "payments": ("payments", "customers"),
    "recommendations": ("tastes",),
    "notifications": ("mails",),
}
OWNER = {table: module for module, tables in TABLES.items() for table in tables}
KEYS = (
    "select conrelid::regclass::text, confrelid::regclass::text from pg_constraint "
    "where contype = 'f' order by 1, 2"
)


def may_read(encore, module, table):
    """[whether a module's role may_read read a table]; empty if role or table is missing."""
    known = encore.rows(
        "monolith",
        "select 1 from pg_roles, pg_tables "
        f"where rolname = 'monolith_{module}' and tablename = '{table}'",
    )
    return (
        []
        if not known
        else [
            allowed
            for (allowed,) in encore.rows(
                "monolith", f"select has_table_privilege('monolith_{module}', '{table}', 'select')"
            )
        ]
    )


def test_no_foreign_key_connects_two_modules(encore):
    across = [
        f"{table} to {target}"
        for table, target in encore.rows("monolith", KEYS)
        if OWNER.get(table) != OWNER.get(target)
    ]

    assert not across, f"{len(across)} foreign keys between modules, such as {across[0]}"


def test_a_modules_role_may_read_only_its_tables(encore):
    rights = {
        (module, table): may_read(encore, module, table)
        for module in TABLES
        for table in ("accounts", "events", "bookings", "payments", "tastes", "mails")
    }

    assert {
        key: allowed for key, allowed in rights.items() if allowed != [OWNER[key[1]] == key[0]]
    } == {}


def test_selling_a_seat_changes_no_catalog_row(encore, eventually):
    fan = encore.sign_in("fan@encore.example")
    event = fan.request("GET", "/api/events").json["items"][0]["id"]
    seat = next(
        seat["id"]
        for seat in fan.request("GET", f"/api/events/{event}/seats").json["items"]
        if seat["status"] == "free"
    )
    held = fan.request("POST", f"/api/events/{event}/holds", json={"seats": [seat]}).json["id"]

    with encore.statements() as statements:
        booked = fan.request(
            "POST", "/api/bookings", json={"hold_id": held, "payment_method": "pm_card_visa"}
        ).json["id"]
        eventually(
            lambda: fan.request("GET", f"/api/bookings/{booked}").json["status"] == "confirmed"
        )

    assert [sql for sql in statements if sql.startswith("UPDATE seats")] == []

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from sqlalchemy import text

from extracted.accounts.app import create_app
from extracted.accounts.config import from_environment
from extracted.accounts.sessions import SESSION_FOR

NEW = {"email": "Ada@Encore.Example", "password": "correct horse", "name": " Ada "}


def test_a_new_account_is_returned_as_stored(client):
    answer = client.post("/api/accounts", json=NEW)

    assert answer.status_code == 201
    assert {**answer.json, "id": ""} == {"id": "", "email": "Ada@Encore.Example", "name": "Ada"}


def test_a_name_cannot_put_a_paragraph_into_mails(client):
    stranger = {**NEW, "name": "Ada,\n\nyour card was refused. Please write to evil.example"}

    refused = client.post("/api/accounts", json=stranger)

    assert refused.status_code == 422
    assert [error["field"] for error in refused.json["errors"]] == ["name"]


def test_an_email_address_is_unique_ignoring_case(client):
    client.post("/api/accounts", json=NEW)

    again = client.post("/api/accounts", json={**NEW, "email": "ada@encore.example"})

    assert (again.status_code, again.json["type"]) == (409, "email-taken")


def test_wrong_passwords_and_unknown_addresses_look_the_same(client):
    client.post("/api/accounts", json=NEW)

    wrong = client.post("/api/sessions", json={"email": NEW["email"], "password": "wrong horse"})
    unknown = client.post(
        "/api/sessions", json={"email": "nobody@encore.example", "password": "wrong horse"}
    )

    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json == unknown.json
    assert wrong.json["type"] == "wrong-credentials"


def test_scripts_and_other_sites_cannot_use_the_cookie(client):
    client.post("/api/accounts", json=NEW)

    plain = client.post(
        "/api/sessions", json={"email": NEW["email"].lower(), "password": NEW["password"]}
    )
    behind_tls = client.post(
        "/api/sessions",
        json={"email": NEW["email"], "password": NEW["password"]},
        base_url="https://localhost",
    )

    assert plain.headers["Set-Cookie"].split("; ")[1:] == [
        "Expires=" + plain.headers["Set-Cookie"].split("Expires=")[1].split(";")[0]
    ] + [
        "Max-Age=43200",
        "HttpOnly",
        "Path=/",
        "SameSite=Lax",
    ]
    assert "Secure" in behind_tls.headers["Set-Cookie"]


def test_a_signed_in_customer_can_read_the_account(fan):
    assert fan.get("/api/accounts/me").json == {
        "id": fan.id,
        "email": "fan@encore.example",
        "name": "fan",
        "role": "customer",
    }


def test_a_signed_out_cookie_is_refused(fan):
    cookie = fan.get_cookie("encore_session").value

    assert fan.delete("/api/sessions").status_code == 204
    fan.set_cookie("encore_session", cookie)

    assert fan.get("/api/accounts/me").json["type"] == "not-signed-in"


def test_a_session_ends_after_twelve_hours(fan, process):
    now = process.clock()
    process.clock = lambda: now + SESSION_FOR - timedelta(minutes=1)
    assert fan.get("/api/accounts/me").status_code == 200

    process.clock = lambda: now + SESSION_FOR + timedelta(minutes=1)

    assert fan.get("/api/accounts/me").status_code == 401


def test_a_command_turns_an_account_into_organiser(app, sign_up):
    assert sign_up("olga", role="organiser").get("/api/accounts/me").json["role"] == "organiser"

    unknown = app.test_cli_runner().invoke(args=["grant-organiser", "nobody@encore.example"])

    assert unknown.exit_code == 1
    assert unknown.output == "Error: There is no account with the address nobody@encore.example.\n"


def test_passwords_are_stored_as_argon2_hashes(rows, fan):
    [(stored,)] = rows("select password_hash from accounts")

    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_an_account_that_is_gone_is_signed_out(sign_up, process):
    gone = sign_up("gone")
    with process.database.transaction() as session:
        session.execute(text("delete from accounts where name = 'gone'"))

    assert gone.get("/api/accounts/me").status_code == 401


def test_registering_one_address_many_times_makes_one_account(app):
    with ThreadPoolExecutor(8) as threads:
        register = app.test_client().post
        answers = [threads.submit(register, "/api/accounts", json=NEW) for _ in range(8)]

    statuses = sorted(answer.result().status_code for answer in answers)
    assert statuses == [201] + [409] * 7


def test_a_public_origin_stands_for_what_requests_say(environ, client):
    client.post("/api/accounts", json=NEW)
    settings = from_environment({**environ, "PUBLIC_ORIGIN": "https://tickets.example"})
    app = create_app(settings)
    credentials = {"email": NEW["email"], "password": NEW["password"]}
    own, inside = ({"Origin": each} for each in ("https://tickets.example", "http://localhost"))

    signed_in = app.test_client().post("/api/sessions", json=credentials, headers=own)
    refused = app.test_client().post("/api/sessions", json=credentials, headers=inside)
    app.extensions["process"].database.dispose()

    assert signed_in.status_code == 201
    assert "Secure" in signed_in.headers["Set-Cookie"].split("; ")
    assert (refused.status_code, refused.json["type"]) == (403, "foreign-origin")


def test_a_process_without_its_database_is_not_ready(environ, client):
    settings = from_environment({**environ, "DATABASE_URL": "postgresql://a:b@127.0.0.1:1/c"})

    away = create_app(settings).test_client()

    assert away.get("/health/live").status_code == 200
    assert away.get("/health/ready").status_code == 503
    assert client.get("/health/ready").status_code == 200

"""What the lab expects of a step, as docs/step-interface.md says: held at every step, from
outside."""

import ast
import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from tools.lab.ground.http import Client
from tools.lab.ground.tree import HERE, lesson_of
from tools.lab.system.system import PASSWORDS, expand


def one_off(running, name, *options, **changed):
    """How a one-off command of the step ends, and what it prints, with some settings changed."""
    system = running.system
    command = HERE.procfile()[name]
    environment = system.environment(name, INSTANCE=name, **PASSWORDS) | changed
    return subprocess.run(
        [*expand(command, environment), *options],
        env=environment,
        cwd=HERE.path,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_lesson_names_the_step_and_says_what_it_teaches():
    docstring = ast.get_docstring(ast.parse((HERE.path / lesson_of(HERE.slug)).read_text()))

    assert docstring.startswith(f"Step {HERE.slug[:2]}: ")


def test_every_mutant_fits_the_code():
    for path in sorted((HERE.path / "tests" / "mutants").rglob("*.patch")):
        fits = subprocess.run(
            ["git", "apply", "--check", path], cwd=HERE.path, capture_output=True, text=True
        )
        assert fits.returncode == 0, f"{path.name}: {fits.stderr}"


def test_the_procfile_has_a_release_a_seed_and_a_public_process(shared_encore):
    assert HERE.commands("release")
    assert HERE.commands("seed")
    assert shared_encore.system.public_process() in HERE.processes()


def test_a_database_is_seen_by_its_owner_only(shared_encore):
    system = shared_encore.system

    for name in HERE.processes():
        environment = system.environment(name)
        urls = {key: value for key, value in environment.items() if key.endswith("DATABASE_URL")}
        assert urls == (
            {}
            if name == "facade"
            else {"DATABASE_URL": system.settings[f"{HERE.owner_of(name).upper()}_DATABASE_URL"]}
        )


def test_a_second_seeding_changes_nothing_and_both_people_can_sign_in(shared_encore):
    before = shared_encore.request("GET", "/api/events").json

    for name in HERE.commands("seed"):
        again = one_off(shared_encore, name, "--events", "4", "--accounts", "12", "--seed", "1")

        assert again.returncode == 0, again.stderr
    assert shared_encore.request("GET", "/api/events").json == before
    roles = [
        shared_encore.sign_in(f"{who}@encore.example")
        .request("GET", "/api/accounts/me")
        .json["role"]
        for who in ("fan", "organiser")
    ]
    assert roles == ["customer", "organiser"]


def test_a_wrong_setting_is_one_line_and_exit_code_2(shared_encore):
    for name in ("release", "seed"):
        refused = one_off(shared_encore, name, DATABASE_URL="nonsense")

        assert refused.returncode == 2
        assert "DATABASE_URL" in refused.stderr
        assert len(refused.stderr.splitlines()) == 1


def test_answers_carry_the_request_and_who_served_it(shared_encore):
    answer = shared_encore.request(
        "GET", "/api/events", headers={"X-Request-Id": "asked-by-a-test"}
    )

    assert answer.headers["X-Request-Id"] == "asked-by-a-test"
    assert answer.headers["X-Served-By"] in {
        process["name"] for process in shared_encore.system.supervisor.facts()
    }
    assert shared_encore.request("GET", "/api/events").headers["X-Request-Id"]


def test_a_process_logs_one_json_object_a_line_with_the_request_that_caused_it(
    shared_encore, eventually
):
    served_by = shared_encore.request(
        "GET", "/api/events", headers={"X-Request-Id": "looked-for"}
    ).headers["X-Served-By"]
    log = shared_encore.system.state / "logs" / f"{served_by}.log"

    found = eventually(
        lambda: [line for line in log.read_text().splitlines() if "looked-for" in line]
    )

    assert {"time", "level", "logger", "message", "request_id"} <= json.loads(found[0]).keys()
    assert all(isinstance(json.loads(line), dict) for line in log.read_text().splitlines())


def test_health_is_answered_by_every_process_that_serves(shared_encore):
    served_by = shared_encore.request("GET", "/api/events").headers["X-Served-By"]
    port = shared_encore.system.supervisor.find(served_by).port
    process = Client(f"http://127.0.0.1:{port}")

    assert process.request("GET", "/health/live").status == 200
    assert process.request("GET", "/health/ready").status == 200


def test_sigterm_lets_a_process_finish_what_it_has_begun(encore, eventually):
    fan = encore.sign_in("fan@encore.example")
    event = fan.request("GET", "/api/events").json["items"][0]["id"]
    seat = next(
        seat["id"]
        for seat in fan.request("GET", f"/api/events/{event}/seats").json["items"]
        if seat["status"] == "free"
    )
    hold = fan.request("POST", f"/api/events/{event}/holds", json={"seats": [seat]})
    encore.sandbox(latency_ms=1500)
    began = time.monotonic()

    with ThreadPoolExecutor() as threads:
        booking = threads.submit(
            fan.request,
            "POST",
            "/api/bookings",
            json={"hold_id": hold.json["id"], "payment_method": "pm_card_visa"},
        )
        eventually(lambda: time.monotonic() - began > 0.5)
        encore.stop(hold.headers["X-Served-By"])

    assert booking.result().status == 201

"""The service in the system: its copy is complete, and can be built again from the topics."""

import subprocess
import sys

import pytest

from tools.lab.ground.tree import HERE

PATH = "/api/recommendations"
WORKER = "recommendations-worker"
ROWS = (
    "select booking_id, confirmed from purchases where confirmed order by 1",
    "select event_id, title, starts_at from concerts order by 1",
)


def rebuild(system):
    """How the command ends, and what it prints."""
    command = [sys.executable, "-m", "extracted.recommendations.worker", "rebuild"]
    return subprocess.run(
        command,
        env=system.environment(WORKER),
        cwd=HERE.path,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_a_wrong_method_is_answered_by_the_service(shared_encore, method):
    answer = shared_encore.request(method, PATH)

    assert (answer.status, answer.headers["X-Served-By"]) == (405, "recommendations-web")


def test_the_copy_is_built_again_and_answers_through_the_facade(fresh_encore, eventually):
    system = fresh_encore.system

    def rows():
        return [fresh_encore.rows("recommendations", query) for query in ROWS]

    before = rows()
    refused = rebuild(system)
    fresh_encore.stop(WORKER)
    done = rebuild(system)
    emptied = rows()
    system.supervisor.start(WORKER)
    eventually(lambda: rows() == before, within=30)

    known = fresh_encore.rows("bookings", "select id, true from bookings order by 1")
    assert before[0] == known != []
    assert (refused.returncode, "stop recommendations-worker first" in refused.stderr) == (1, True)
    assert (done.returncode, emptied) == (0, [[], []]), done.stderr
    fan = fresh_encore.sign_in("fan@encore.example")
    answer = fan.request("GET", f"{PATH}?limit=100")
    assert answer.headers["X-Served-By"] == "recommendations-web"
    assert answer.json["items"] != []

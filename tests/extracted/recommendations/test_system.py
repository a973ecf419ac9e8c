"""The service in the system: its copy is complete, and can be built again from the topics."""

import subprocess
import sys

from tools.lab.ground.http import Client
from tools.lab.ground.tree import HERE

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


def test_the_copy_is_built_again_and_answers_as_the_monolith(fresh_encore, eventually):
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

    known = fresh_encore.rows("monolith", "select id, true from bookings order by 1")
    assert before[0] == known != []
    assert (refused.returncode, "stop recommendations-worker first" in refused.stderr) == (1, True)
    assert (done.returncode, emptied) == (0, [[], []]), done.stderr
    fan = fresh_encore.sign_in("fan@encore.example")
    service = Client(f"http://127.0.0.1:{system.supervisor.find('recommendations-web').port}")
    service.cookie = fan.cookie
    answers = [client.request("GET", "/api/recommendations?limit=100") for client in (fan, service)]
    assert [answer.headers["X-Served-By"] for answer in answers] == ["web", "recommendations-web"]
    assert answers[0].json == answers[1].json != {"items": [], "next": None}

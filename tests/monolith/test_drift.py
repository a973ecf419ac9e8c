"""The command `drift` compares the monolith with a service, and lag is not drift."""

import json
import threading
from datetime import timedelta
from itertools import count

import pytest
from sqlalchemy import select
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from kit.tokens import COOKIE
from monolith import drift
from monolith.bookings.model import Booking
from tools.lab.ground.waiting import free_port

SEED = ["seed", "--events", "20", "--accounts", "30", "--bookings", "2"]
PASSWORDS = ["--fan-password", "fan-of-encore", "--organiser-password", "organiser-of-encore"]


class Quiet(WSGIRequestHandler):
    """It does not write a line for each request."""

    def log(self, *words):
        pass


@pytest.fixture
def sample(app):
    app.test_cli_runner().invoke(args=[*SEED, *PASSWORDS])


@pytest.fixture
def report(app, monkeypatch):
    """A function: the result of the command against a URL, with a sample of four accounts."""
    monkeypatch.setattr(drift, "PAUSE", 0.01)

    def report(url, *words):
        runner = app.test_cli_runner()
        return runner.invoke(args=["drift", "--against", url, "--sample", "4", *words])

    return report


@pytest.fixture
def serve(app):
    """A function: serve the monolith's recommendations after change(body), and return the URL.

    The requests that were served are in serve.requests."""
    client, servers, numbers = app.test_client(use_cookies=False), [], count(1)

    def serve(change=lambda body, number: body, status=None):
        @Request.application
        def application(request):
            serve.requests.append(request)
            answer = client.get(request.full_path, headers={"Cookie": request.headers["Cookie"]})
            body = json.dumps(change(answer.json, next(numbers)))
            return Response(body, status=status or answer.status_code)

        server = make_server("127.0.0.1", 0, application, request_handler=Quiet)
        thread = threading.Thread(target=server.serve_forever, args=[0.02])
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    serve.requests = []
    yield serve
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


def dearer(body, number):
    """The first recommendation of each page with a higher score."""
    first, *others = body["items"]
    return body | {"items": [first | {"score": first["score"] + 0.000001}, *others]}


def late(body, number):
    """The first answer lacks a recommendation."""
    return body | {"items": body["items"][1:]} if number == 1 else body


def test_equal_answers_are_no_drift(report, serve, sample):
    done = report(serve())

    assert (done.exit_code, done.output.splitlines()[-1]) == (
        0,
        "compared: 4, equal: 4, late: 0, differing: 0",
    )
    assert any(request.args.get("after") for request in serve.requests)


def test_each_differing_account_counts_and_three_are_shown(report, serve, sample):
    done = report(serve(dearer))

    *examples, rate, figures = done.output.splitlines()
    assert done.exit_code == 1
    assert figures == "compared: 4, equal: 0, late: 0, differing: 4"
    assert rate.startswith("accounts a second: ")
    assert [line.split()[0] for line in examples] == ["account", "here", "there"] * 3


def test_a_difference_that_is_gone_a_moment_later_is_late(report, serve, sample):
    done = report(serve(late))

    assert (done.exit_code, done.output.splitlines()[-1]) == (
        0,
        "compared: 4, equal: 3, late: 1, differing: 0",
    )


def test_a_service_that_refuses_everybody_differs(report, serve, sample):
    done = report(serve(status=401))

    assert done.exit_code == 1
    assert "  here   200\n  there  401\n" in done.output
    assert done.output.splitlines()[-1] == "compared: 4, equal: 0, late: 0, differing: 4"


def test_a_service_that_answers_no_json_differs(report, serve, sample):
    done = report(serve(lambda body, number: "a page in HTML"))

    assert done.exit_code == 1
    assert "differing: 4" in done.output


def test_without_accounts_nothing_is_compared_and_that_fails(report, serve):
    done = report(serve())

    assert (done.exit_code, done.output.splitlines()[-1]) == (
        1,
        "compared: 0, equal: 0, late: 0, differing: 0",
    )


def test_a_service_that_does_not_answer_is_reported_in_one_line(report, sample):
    url = f"http://127.0.0.1:{free_port()}"

    done = report(url)

    assert done.exit_code == 1
    assert done.output.startswith(f"Error: {url} does not answer: ")
    assert done.output.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [["--against", "nowhere"], ["--against", "ftp://127.0.0.1"], ["--sample", "1"], ["--loud"]],
)
def test_a_wrong_option_ends_with_exit_code_two(report, words):
    assert report("http://127.0.0.1:1", *words).exit_code == 2


def test_the_sample_is_stable_and_has_accounts_with_and_without_bookings(process, sample):
    with process.db.monolith.reading() as session:
        first, second = drift.choose(session, 4), drift.choose(session, 4)
        with_bookings = set(session.scalars(select(Booking.account_id)))

    assert [account.id for account in first] == [account.id for account in second]
    assert len({account.id for account in first}) == 4
    assert {account.id in with_bookings for account in first[:2]} == {True, False}


def test_the_command_signs_sessions_that_soon_expire(report, serve, sample, process):
    report(serve())

    token = serve.requests[0].cookies[COOKIE]
    now = process.clock()
    assert process.verifier.session(token, now) is not None
    assert process.verifier.session(token, now + timedelta(minutes=1)) is None

"""What the service answers: the payments of one's own bookings, to those who are signed in."""

import pytest

from extracted.payments.app import create_app
from extracted.payments.config import for_web

PATH = "/api/payments"


def test_payments_are_listed_in_pages(order, end, sign_in, account):
    booking = order()
    end(booking, "cancelled")
    fan, path = sign_in(account), f"{PATH}?booking_id={booking['id']}&limit=1"

    first = fan.get(path).json
    second = fan.get(f"{path}&after={first['next']}").json

    assert [page["items"][0]["kind"] for page in (first, second)] == ["charge", "refund"]
    assert second["next"] is None
    assert first["items"][0].keys() == {
        "id",
        "booking_id",
        "kind",
        "amount",
        "currency",
        "status",
        "created_at",
    }


def test_payments_cannot_be_listed_without_a_booking(sign_in):
    refused = sign_in("me").get(PATH)

    assert (refused.status_code, refused.json["type"]) == (422, "invalid")
    assert [error["field"] for error in refused.json["errors"]] == ["booking_id"]


def test_nobody_sees_the_payments_of_another(order, sign_in):
    booking = order()

    for id in (booking["id"], "unknown"):
        answer = sign_in("stranger").get(f"{PATH}?booking_id={id}")
        assert (answer.status_code, answer.json["items"]) == (200, [])


@pytest.mark.parametrize("snapshot", [False, True])
def test_a_session_that_has_ended_is_refused(app, deliver, sign_in, snapshot):
    ada, other, stranger = sign_in("ada"), sign_in("other"), app.test_client()

    # the sample's session would have expired: an ended session is kept until then
    ended = {"sid": "session of ada", "exp": "2099-01-01T00:00:00Z"}
    deliver(("accounts", "session.ended", ended), snapshot=snapshot)

    answers = [each.get(f"{PATH}?booking_id=b") for each in (ada, other, stranger)]
    assert [answer.status_code for answer in answers] == [401, 200, 401]


def test_a_process_without_its_database_is_not_ready(app, environ):
    settings = for_web({**environ, "DATABASE_URL": "postgresql://a:b@127.0.0.1:1/c"})

    away = create_app(settings).test_client()

    assert away.get("/health/live").status_code == 200
    assert away.get("/health/ready").status_code == 503
    assert app.test_client().get("/health/ready").status_code == 200

"""How old recommendations are, measured on the newest step."""

import pytest

from tools.lab.ground.tree import HERE
from tools.lab.measure import staleness

WORKERS = [name for name in HERE.processes() if name.split("-")[-1] == "worker"]


@pytest.fixture
def customer(encore):
    connection = staleness.newcomer(encore.url)
    yield connection
    connection.connections.close()


def test_a_booking_is_waited_for_until_recommendations_count_it(customer):
    event, _ = staleness.free_seat(customer)

    seconds = staleness.seconds(customer)

    assert seconds > 0
    assert event not in staleness.recommended(customer)


def test_a_booking_that_is_never_counted_is_an_error(encore, customer):
    for name in WORKERS:
        encore.stop(name)

    with pytest.raises(AssertionError, match="a booking is not counted within 0.2 s"):
        staleness.seconds(customer, within=0.2)

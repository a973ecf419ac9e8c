import socket

import pytest

from tools.lab.ground.failed import Failed
from tools.lab.ground.waiting import free_port
from tools.lab.system import ports
from tools.lab.system.ports import Ports


@pytest.fixture(autouse=True)
def usual_port(monkeypatch):
    """A usual port that no other lab on this machine has."""
    port = free_port()
    monkeypatch.setattr(ports, "USUAL_PORT", port)
    return port


@pytest.fixture
def made():
    made = [Ports(), Ports()]
    yield made
    for each in made:
        each.close()


def test_two_at_the_same_moment_have_addresses_of_their_own(made, usual_port):
    first, second = ((each.for_a_browser(), each.host) for each in made)

    assert first == (usual_port, "127.0.0.1")
    assert second == (usual_port, "127.0.0.2")


def test_what_is_closed_can_be_had_again(made, usual_port):
    made[0].for_a_browser()
    made[0].close()

    assert (made[1].for_a_browser(), made[1].host) == (usual_port, "127.0.0.1")


def test_no_two_have_the_same_free_port(made, monkeypatch):
    offered = iter([30_001, 30_001, 30_002])
    monkeypatch.setattr(ports, "free_port", lambda: next(offered))

    assert [each.free() for each in made] == [30_001, 30_002]


def test_a_usual_port_that_a_server_shares_with_anybody_is_left_to_it(made, usual_port):
    with socket.create_server(("127.0.0.1", usual_port), reuse_port=True):
        assert made[0].for_a_browser() != usual_port


def test_a_given_port_is_taken_as_it_is_or_refused(made):
    given = free_port()

    with socket.create_server(("127.0.0.2", given)):
        assert made[0].for_a_browser(given) == given
        with pytest.raises(Failed, match="is taken"):
            made[1].for_a_browser(given)

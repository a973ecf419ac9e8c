import socket

import pytest

from tools.lab.ground.waiting import OURS, eventually, free_port


def test_free_ports_differ_and_are_none_that_a_client_could_be_given():
    ports = [free_port() for _ in range(500)]

    with socket.socket() as client:
        client.bind(("127.0.0.1", 0))
        assert client.getsockname()[1] not in OURS
    assert len(set(ports)) == 500 and set(ports) < set(OURS)


def test_a_port_that_somebody_has_is_not_free(monkeypatch):
    taken, free = free_port(), free_port()
    monkeypatch.setattr("tools.lab.ground.waiting._ports", iter([taken, free]))
    with socket.create_server(("127.0.0.1", taken)):
        assert free_port() == free


def test_waiting_returns_the_last_answer():
    answers = iter([0, "", "yes"])
    assert eventually(lambda: next(answers)) == "yes"

    with pytest.raises(AssertionError, match="not within 0.01 s; the last answer was 0"):
        eventually(lambda: 0, within=0.01)

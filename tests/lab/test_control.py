import os
import socket
import threading
from types import SimpleNamespace

import pytest

from tools.lab.ground.failed import Failed
from tools.lab.system.control import Control, ask


class Supervisor:
    """Stands where the processes are, which are not the subject here."""

    def __init__(self):
        self.let_go = threading.Event()

    def facts(self):
        return [{"name": "web"}]

    def kill(self, name, number=9):
        raise LookupError(f"there is no process named {name}")

    def stop(self, name):
        self.let_go.wait(30)

    start = settings = stop


@pytest.fixture
def control():
    control = Control(SimpleNamespace(supervisor=Supervisor(), restart=None))
    yield control
    control.system.supervisor.let_go.set()
    control.close()


def noted(control):
    return {"pid": os.getpid(), "control": control.address}


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"\xff" * 10_000, b"[]\n", b'{"key": 1}\n'],
    ids=["silence", "http", "garbage", "list", "no key"],
)
def test_a_client_that_sends_anything_else_delays_nobody(control, sent):
    with socket.create_connection(("127.0.0.1", control.address[0])) as stranger:
        stranger.sendall(sent)

        assert ask(noted(control), "ps") == [{"name": "web"}]


def test_a_wrong_key_gets_no_answer(control):
    wrong = {**noted(control), "control": [control.address[0], "wrong"]}

    with pytest.raises(Failed, match="has ended meanwhile"):
        ask(wrong, "ps")


def test_one_that_takes_long_delays_nobody(control):
    slow = threading.Thread(target=ask, args=[noted(control), "stop", "web"])
    slow.start()

    assert ask(noted(control), "ps") == [{"name": "web"}]
    control.system.supervisor.let_go.set()
    slow.join()


def test_trouble_is_answered_to_the_one_who_asked(control):
    with pytest.raises(Failed, match="there is no process named nobody") as refused:
        ask(noted(control), "kill", "nobody")
    assert refused.value.exit_code == 2

"""The fault proxy passes everything on; its toxics act on connections that are open already."""

import contextlib
import socket
import threading

import pytest

from tools.lab.experiment.connection import DOWNSTREAM, UPSTREAM
from tools.lab.experiment.proxy import Proxy
from tools.lab.ground.waiting import eventually, is_listening

MUCH = 50_000_000  # bytes: more than the sockets of a connection and the proxy can hold
AT_ONCE = 50  # times that a connection and the toxic come together
WITHIN = 20.0  # seconds


class Pair:
    """Both ends of a connection through the proxy, which knows both."""

    def __init__(self, proxy, listener):
        self.client = socket.create_connection(("127.0.0.1", proxy.port), timeout=WITHIN)
        self.server, _ = listener.accept()
        self.server.settimeout(WITHIN)
        eventually(lambda: any(map(self._is_end, list(proxy.ends))))

    def _is_end(self, end):
        return end.peer and end.transport.get_extra_info("peername") == self.client.getsockname()

    def close(self):
        self.client.close()
        self.server.close()


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(WITHIN)
        yield listener


@pytest.fixture
def proxy(listener):
    with Proxy(*listener.getsockname()) as proxy:
        yield proxy


@pytest.fixture
def connect(proxy, listener):
    """Open a connection through the proxy."""
    with contextlib.ExitStack() as stack:
        yield lambda: stack.enter_context(contextlib.closing(Pair(proxy, listener)))


@pytest.fixture
def pair(connect):
    return connect()


def received(end, count):
    """So many bytes, or fewer if the connection ends before."""
    found = b""
    while len(found) < count and (more := end.recv(count - len(found))):
        found += more
    return found


def arrives_nothing(end):
    """Whether nothing is there to read, after what was sent has had the time to come."""
    end.settimeout(0.3)
    try:
        return not end.recv(1)
    except TimeoutError:
        return True
    finally:
        end.settimeout(WITHIN)


def is_reset(end):
    try:
        end.recv(1)
    except ConnectionResetError:
        return True
    return False


def is_reset_when_new(proxy):
    try:
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=WITHIN) as new:
            return is_reset(new)
    except ConnectionResetError:  # so early that connecting has failed
        return True


def test_no_end_keeps_a_small_write_back(proxy, pair):
    sockets = [end.transport.get_extra_info("socket") for end in list(proxy.ends)]

    options = [each.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for each in sockets]

    assert len(options) == 2
    assert all(options)


def test_bytes_pass_unchanged_in_both_directions(pair):
    up, down = bytes(range(256)) * 4000, bytes(range(255, -1, -1)) * 4000
    sending = [
        threading.Thread(target=end.sendall, args=[data])
        for end, data in ((pair.client, up), (pair.server, down))
    ]

    for thread in sending:
        thread.start()

    assert received(pair.server, len(up)) == up
    assert received(pair.client, len(down)) == down


def test_a_connection_that_is_closed_one_way_goes_on_the_other_way(pair):
    pair.client.sendall(b"question")
    pair.client.shutdown(socket.SHUT_WR)

    assert received(pair.server, 100) == b"question"
    pair.server.sendall(b"answer")
    pair.server.close()
    assert received(pair.client, 100) == b"answer"


def test_a_reset_of_one_end_reaches_the_other(pair):
    pair.server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    pair.server.close()

    assert is_reset(pair.client)


@pytest.mark.parametrize("toxic", [None, "latency", "hang"])
def test_a_slow_reader_stops_the_writer_and_fills_no_memory(proxy, pair, toxic):
    if toxic:
        proxy.set(toxic)
    pair.client.settimeout(1)
    sent = 0

    with pytest.raises(TimeoutError):
        while sent < MUCH:
            sent += pair.client.send(b"x" * 100_000)

    assert sum(end.size for end in proxy.ends) < 1_000_000
    assert sum(end.transport.get_write_buffer_size() for end in proxy.ends) < 1_000_000
    proxy.clear()
    assert len(received(pair.server, sent)) == sent


def test_what_waited_behind_a_hang_goes_on_when_it_ends(proxy, pair):
    pair.client.sendall(b"before ")
    assert received(pair.server, 7) == b"before "

    proxy.set("hang", UPSTREAM)
    pair.client.sendall(b"during ")
    pair.client.shutdown(socket.SHUT_WR)

    assert arrives_nothing(pair.server)
    pair.server.sendall(b"the other way")
    assert received(pair.client, 13) == b"the other way"
    proxy.clear()
    assert received(pair.server, 100) == b"during "


def test_a_hang_holds_new_connections_and_their_bytes(proxy, connect):
    proxy.set("hang")
    pair = connect()
    pair.client.sendall(b"hello")

    assert arrives_nothing(pair.server)
    proxy.clear()
    assert received(pair.server, 5) == b"hello"


def test_latency_delays_without_changing_the_order_or_the_rate(proxy, pair):
    proxy.set("latency", DOWNSTREAM, latency=400, jitter=200)
    data = bytes(range(256)) * 1000

    sending = threading.Thread(target=pair.server.sendall, args=[data])
    sending.start()

    pair.client.settimeout(0.1)
    with pytest.raises(TimeoutError):
        pair.client.recv(1)
    pair.client.settimeout(WITHIN)
    assert received(pair.client, len(data)) == data


def test_what_is_late_comes_at_once_when_the_latency_ends(proxy, pair):
    proxy.set("latency", latency=3_600_000)
    pair.client.sendall(b"late")
    assert arrives_nothing(pair.server)

    proxy.clear()

    assert received(pair.server, 4) == b"late"


def test_bandwidth_lets_some_pass_and_keeps_the_rest(proxy, pair):
    proxy.set("bandwidth", UPSTREAM, rate=1)
    pair.client.sendall(b"x" * 100_000)

    some = pair.server.recv(100_000)

    assert 0 < len(some) <= 1000
    proxy.clear()
    assert len(received(pair.server, 100_000 - len(some))) == 100_000 - len(some)


def test_slices_come_one_by_one(proxy, pair):
    proxy.set("slice", UPSTREAM, size=2, delay=300)
    pair.client.sendall(b"abcdef")

    assert [pair.server.recv(100) for _ in range(3)] == [b"ab", b"cd", b"ef"]


def test_a_limit_closes_the_connection_after_so_many_bytes(proxy, pair, connect):
    proxy.set("limit", DOWNSTREAM, bytes=3)
    pair.server.sendall(b"abcdef")

    assert received(pair.client, 100) == b"abc"
    new = connect()
    new.client.sendall(b"not limited")
    assert received(new.server, 11) == b"not limited"
    new.server.sendall(b"abcdef")
    assert received(new.client, 100) == b"abc"


def test_reset_ends_open_connections_and_new_ones(proxy, pair):
    proxy.set("reset")

    assert is_reset(pair.client)
    assert is_reset(pair.server)
    assert is_reset_when_new(proxy)


def test_down_closes_open_connections_and_refuses_new_ones(proxy, pair, connect):
    proxy.set("down")

    assert received(pair.client, 1) == b""
    assert received(pair.server, 1) == b""
    assert not is_listening(proxy.port)
    port = proxy.port
    proxy.clear()
    assert proxy.port == port
    new = connect()
    new.client.sendall(b"again")
    assert received(new.server, 5) == b"again"


def test_what_is_accepted_while_it_goes_down_is_closed_too(proxy, listener):
    for _ in range(AT_ONCE):
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=WITHIN) as new:
            proxy.set("down")
            with contextlib.suppress(ConnectionResetError):
                assert received(new, 1) == b""
        proxy.clear()


def test_a_server_that_is_away_resets_the_client(proxy, listener):
    listener.close()

    assert is_reset_when_new(proxy)


def test_toxics_of_two_kinds_act_together(proxy, pair):
    proxy.set("latency", latency=3_600_000)
    proxy.set("limit", UPSTREAM, bytes=2)
    pair.client.sendall(b"abc")
    assert arrives_nothing(pair.server)

    proxy.set("latency", latency=0)

    assert received(pair.server, 10) == b"ab"


@pytest.mark.parametrize("toxic", ["hang", "latency", "slice", "down", "reset", None])
def test_a_proxy_ends_with_its_connections_whatever_it_does(listener, toxic):
    with Proxy(*listener.getsockname()) as proxy:
        pair = Pair(proxy, listener)
        if toxic:
            proxy.set(toxic)
        with contextlib.suppress(OSError):
            pair.client.sendall(b"x")

    assert not proxy.thread.is_alive()
    assert proxy.ends == set()
    with contextlib.suppress(ConnectionResetError):
        received(pair.client, 1)
    pair.close()


def test_closed_connections_are_forgotten(proxy, connect):
    pairs = [connect() for _ in range(20)]
    assert eventually(lambda: len(proxy.ends) == 40)

    for pair in pairs:
        pair.close()

    assert eventually(lambda: not proxy.ends)


def test_a_toxic_or_an_option_that_does_not_exist_is_refused(proxy):
    with pytest.raises(ValueError, match="there is no fog"):
        proxy.set("fog")
    with pytest.raises(ValueError, match="there is no delay"):
        proxy.set("latency", delay=5)


def test_a_port_that_is_taken_is_an_error(listener):
    port = listener.getsockname()[1]

    with pytest.raises(OSError, match="in use"), Proxy("127.0.0.1", port, port):
        pass

"""Waiting for what happens elsewhere: ask again and again, within a bound, instead of sleeping for
as long as it might take."""

import itertools
import random
import socket
import time

# below what Linux gives to clients, one of which might take a port between our look and its
# server's start
OURS = range(20000, 32768)
_ports = itertools.cycle(random.SystemRandom().sample(OURS, len(OURS)))


def eventually(check, *, within=10.0):
    """The first truthy answer of check(), asked again until then; AssertionError with the last
    answer after within seconds."""
    deadline = time.monotonic() + within
    pause = 0.005
    while True:
        try:
            answer, trouble = check(), None
        except (AssertionError, OSError) as error:
            answer, trouble = None, error
        if answer:
            return answer
        if time.monotonic() >= deadline:
            raise AssertionError(
                f"not within {within:g} s; the last answer was {trouble or answer!r}"
            )
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


def free_port():
    """A port of the loopback address that nobody has just now, and that this process was not given
    before."""
    return next(port for port in _ports if _is_free(port))


def _is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def is_listening(port, host="127.0.0.1"):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0

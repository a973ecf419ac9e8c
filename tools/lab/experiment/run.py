"""One run of an experiment: it starts a step, warms it, loads it, breaks it, lets it settle, audits
it and stops it."""

from collections.abc import Callable
from typing import NamedTuple


class Fault(NamedTuple):
    """What is broken during a run, and how it is repaired; both are called with the system."""

    name: str
    after: float  # seconds from the beginning of the load
    lasts: float  # seconds
    begin: Callable
    end: Callable


class Plan(NamedTuple):
    """Data, workload and faults: the same for every step of an experiment."""

    events: int = 200
    accounts: int = 100
    rate: float = 60.0  # requests a second
    warm: float = 5.0  # seconds
    seconds: float = 20.0
    visitors: int = 50  # they sign in before the load begins
    seed: int = 1
    scale: tuple = ()  # (process, instances) pairs
    faults: tuple = ()

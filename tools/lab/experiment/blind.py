"""A drill whose fault nobody has named: the system runs where other terminals find it, under a low
load, until somebody thinks to know what is broken."""

import shutil
import threading
import time
from contextlib import contextmanager, suppress
from random import Random

from tools.lab.experiment.breaking import ACCOUNTS, RATE, WELL_WITHIN
from tools.lab.experiment.drills import drills_of
from tools.lab.experiment.proxied import ProxiedDatabases
from tools.lab.ground.failed import Failed
from tools.lab.measure.drill import SAMPLE, scale_of, well_after
from tools.lab.measure.load import Load
from tools.lab.system.state import remove, running

AT_A_TIME = 10.0  # seconds of load


def drawn(tree, seed):
    """A drill whose fault stays until it is ended."""
    return Random(seed).choice([drill for drill in drills_of(tree).values() if drill.stays])


@contextmanager
def loaded(tree, log, seed):
    """A started system of a tree on a state of its own beside that of `./lab up`, under load; both
    are gone afterwards."""
    state = tree.state.with_name(f"{tree.state.name}-blind")
    if running(state):
        raise Failed("a blind drill of this step runs already, in another terminal")
    remove(state)
    system = ProxiedDatabases(  # whatever is broken, so that the proxies tell nothing
        tree,
        state,
        seed=SAMPLE,
        scale=scale_of(tree),
        traced=True,
        show=lambda name, line: None,
        progress=log,
    )
    try:
        system.start()
        with background(system.to_run(), seed):
            yield system
    finally:
        system.stop(at_once=True)
        remove(state)


@contextmanager
def background(settings, seed):
    """Load on a system during the block."""
    load = Load(settings, accounts=ACCOUNTS, seed=seed, log=lambda line: None)
    stop = threading.Event()

    def run():
        while not stop.is_set():
            with suppress(Failed):  # while the shop answers nothing, there are no seats to buy
                load.send(RATE, AT_A_TIME, warm=0.0)
            stop.wait(1.0)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(AT_A_TIME + 5)
        shutil.rmtree(load.folder, ignore_errors=True)


def well_again(system):
    """Seconds until a system was well, from now on; None if it did not become so by itself."""
    return well_after(system, time.monotonic(), WELL_WITHIN)

"""`./lab break --blind`: find out what is broken."""

import sys
import time

from tools.lab.cli.processes import all_states, where_to_look
from tools.lab.cli.terminal import out, say
from tools.lab.experiment.blind import drawn, loaded, well_again
from tools.lab.system.state import running

TASK = """
Something is broken since {moment}. Find out what, in another terminal, with
./lab ps, logs, topics, trace and sql. Press Enter here when you think that you
know."""


def run_blind(tree, seed):
    """Break a system in a way that nobody knows, wait for Enter, tell what it was, repair it; the
    exit code is 1 if it did not become well."""
    drill = drawn(tree, seed)
    with loaded(tree, say, seed) as system:
        out.print(where_to_look(system.to_run(), tree.slug))
        if sum(running(state) is not None for state in all_states()) > 1:
            out.print("Another step runs too. In the other terminal, type first:")
            out.print(f"export LAB_STATE={system.state}", soft_wrap=True)
        with drill.fault(system):
            out.print(TASK.format(moment=time.strftime("%H:%M:%S")))
            sys.stdin.readline()  # it is empty where there is no terminal
            tell(drill)
            say("repairing it")
        well = well_again(system)
    is_well = well is not None
    out.print(f"Well again after {well:.1f} s." if is_well else "It did not become well by itself.")
    out.print(f"The same again: ./lab break {tree.slug[:2]} --blind --seed {seed}")
    return 0 if is_well else 1


def tell(drill):
    out.print(f"[bold]{drill.title}[/bold] ({drill.name}).")
    out.print(drill.hypothesis)
    out.print(f"One sees it so: {drill.look}", markup=False)

"""The drills of `./lab break`, by step."""

from tools.lab.experiment import faults
from tools.lab.experiment.drills_of_databases import of_database
from tools.lab.experiment.drills_of_network import (
    BROKER_CUT,
    DATABASE_SLOW,
    PROVIDER_CUT,
    WEB_RESET,
)
from tools.lab.experiment.drills_of_processes import ROLLING, STORM, of_process
from tools.lab.experiment.drills_of_services import BROKER, MAIL_DOWN, MESSAGES, of_provider
from tools.lab.experiment.hypothesis import Drill
from tools.lab.ground.failed import Failed
from tools.lab.measure.drill import scale_of

CONTROL = Drill(
    "control",
    "Nothing is broken",
    "Everything works. What the other drills show is compared with this.",
    faults.nothing,
    "./lab ps: every process runs, each with one start",
    stays=False,
)


def drills_of(tree):
    """{name: Drill} of every drill that a step can have, the control first."""
    drills = [CONTROL, MAIL_DOWN, *of_provider(tree.slug)]
    if tree.topics:
        drills += BROKER
    for owner in sorted(tree.owners, key=lambda owner: owner != "monolith"):
        drills += of_database(owner)
    for name in tree.processes():
        drills += of_process(name)
    if "web" in scale_of(tree):
        drills.append(ROLLING)
    drills.append(STORM)
    if tree.topics:
        drills += [*MESSAGES, *BROKER_CUT]
    drills.append(PROVIDER_CUT)
    if "facade" in tree.processes():
        drills.append(WEB_RESET)
    drills.append(DATABASE_SLOW)
    return {drill.name: drill for drill in drills}


def chosen(tree, names, every):
    """{name: Drill} of those with these names, of every one, or else of those that stop a
    component; with the control, which they are compared with."""
    drills = drills_of(tree)
    for name in names:
        if name not in drills:
            raise Failed(f"there is no drill {name}; there are: {', '.join(drills)}", 2)
    return {
        name: drill
        for name, drill in drills.items()
        if every or drill is CONTROL or (name in names if names else drill.component)
    }

"""What is known of a step without a run, in the order in which it is shown: {key: its name, its
unit, and whether less of it is better}. Result.facts has the values, where they are known."""

from tools.lab.experiment.figures import Figure

IMPORTS = "imports"
KEYS = "keys"
JOINS = "joins"
PROCESSES = "processes"
LARGEST = "largest"
REMOVED = "removed"
LINES = "lines"  # {deployable: lines of its code}
CHANGES = "changes"  # {change: [files, lines, processes to deploy]} of the same change at each step

FACTS = {
    PROCESSES: Figure("processes to deploy", ""),
    IMPORTS: Figure("imports of internals across modules", ""),
    KEYS: Figure("foreign keys across modules", ""),
    JOINS: Figure("statements across modules", ""),
    LARGEST: Figure("largest deployable", "lines"),
    REMOVED: Figure("removed by the step", "lines", less_is_better=False),
}
COUPLING = (IMPORTS, KEYS, JOINS)
# the commands that measure what is not known yet, of a step
COUPLED_BY = "./lab coupling {} --keep"
DRILLED_BY = "./lab break {} --all --keep"

"""The drills of a step in a terminal: what stopped working, what comes later, and how soon all was
well."""

from rich.table import Column, Table

from tools.lab.experiment.breaking import is_whole
from tools.lab.report.terminal import shortened

EVERYTHING = "everything"


def show_list(out, drills):
    """Print {name: Drill}, with the hypothesis of each."""
    for name, drill in drills.items():
        out.print(f"[bold]{name}[/bold]  {drill.title}")
        out.print(f"    {drill.hypothesis}")


def show_drills(out, outcomes):
    """Print {name: outcome}: a table, and below it what nobody expected."""
    table = Table(
        Column("drill", no_wrap=True),
        "fails meanwhile",
        "comes later",
        Column("requests\nfailed", justify="right"),
        Column("reads\nslower", justify="right"),
        Column("well\nafter", justify="right"),
        box=None,
    )
    for name, each in outcomes.items():
        table.add_row(
            name,
            journeys(each["found"], "fails"),
            journeys(each["found"], "later"),
            f"{each['failed']} of {each['requests']}",
            slower(each),
            seconds(each["well_after"]),
        )
    out.print(table)
    for name, each in outcomes.items():
        for line, style in remarks(each):
            out.print(f"{name}: {line}", style=style, markup=False)
    whole = sum(
        each["well_after"] is not None and not each["trouble"] for each in outcomes.values()
    )
    hoped = sum(each["as_expected"] for each in outcomes.values())
    out.print(
        f"{whole} of {len(outcomes)} drills ended whole, and in {hoped} of them customers could do "
        "what they should."
    )


def journeys(found, how):
    """The journeys that ended so, in words."""
    names = [name for name, ended in found.items() if ended == how]
    return EVERYTHING if names and len(names) == len(found) else ", ".join(names)


def slower(outcome):
    """How many times as long a read took as in the control."""
    if outcome["p50"] is None:
        return "none"
    return "" if outcome["slower"] is None else f"{outcome['slower']:.1f}x"


def seconds(well_after):
    return "never" if well_after is None else f"{well_after:.1f} s"


def remarks(outcome):
    """(line, style) of what nobody expected, of what was broken and of what is still on its way."""
    differ = [
        f"{name} {found}, expected was {outcome['expected'][name]}"
        for name, found in outcome["found"].items()
        if found != outcome["expected"][name]
    ]
    for line in differ:
        yield line, "yellow"
    for line in outcome["trouble"]:
        yield line, "red"
    for promise, violations in outcome["broken"].items():
        is_known = promise in outcome["may_break"]
        about = "known to be broken at this step" if is_known else "broken"
        for line in shortened(violations):
            yield f"{about}: {promise}. {line}", "yellow" if is_known else "red"
    if outcome["charged"]:
        yield f"{outcome['charged']} charges have no booking yet", "yellow"

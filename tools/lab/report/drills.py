"""The drills of a step in a terminal: what stopped working, what comes later, and how soon all was
well."""

from collections import defaultdict

from rich.table import Column, Table

from tools.lab.experiment.hypothesis import MAILS
from tools.lab.experiment.outcome import is_whole
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
        "meanwhile",
        Column("requests\nfailed", justify="right", no_wrap=True),
        Column("reads\nslower", justify="right", no_wrap=True),
        Column("well\nafter", justify="right", no_wrap=True),
        box=None,
    )
    for name, each in outcomes.items():
        table.add_row(
            name,
            meanwhile(each["found"]),
            f"{each['failed']} of {each['requests']}",
            slower(each),
            seconds(each["well_after"]),
        )
    out.print(table)
    for name, each in outcomes.items():
        for line, style in remarks(each):
            out.print(f"{name}: {line}", style=style, markup=False)
    whole = sum(map(is_whole, outcomes.values()))
    hoped = sum(each["as_expected"] for each in outcomes.values())
    out.print(
        f"{whole} of {len(outcomes)} drills ended whole; in {hoped} of them customers could do "
        "what was expected."
    )


def meanwhile(found):
    """What does not work while the fault is on, in a few words."""
    kinds = {kind: journeys(found, kind) for kind in ("fails", "later")}
    return "\n".join(f"{kind}: {names}" for kind, names in kinds.items() if names) or "works"


def journeys(found, how):
    """The journeys that ended so, in words."""
    names = [name for name, ended in found.items() if ended == how]
    if names and len(names) == len(found):
        return EVERYTHING
    if set(MAILS) <= set(names):
        names = [*(name for name in names if name not in MAILS), "mail"]
    return ", ".join(names)


def slower(outcome):
    """How many times as long a read took as in the control."""
    if outcome["p50"] is None:
        return "none"
    times = outcome["slower"]
    return "" if times is None else f"{times:.{0 if times >= 10 else 1}f}x"


def seconds(well_after):
    return "never" if well_after is None else f"{well_after:.1f} s"


def remarks(outcome):
    """(line, style) of what nobody expected, of what was broken and of what is still on its way."""
    for line in differences(outcome):
        yield line, "yellow"
    for line in outcome["trouble"]:
        yield line, "red"
    for promise, violations in outcome["broken"].items():
        if promise in outcome["may_break"]:
            times = f"{len(violations)} times, as is known of this step"
            yield f"broken {times}: {promise}", "yellow"
            continue
        for line in shortened(violations):
            yield f"broken: {promise}. {line}", "red"
    if outcome["charged"]:
        yield f"{outcome['charged']} charges had no booking yet", "yellow"


def differences(outcome):
    """A line for all journeys that ended in the same way, where another one was expected."""
    alike = defaultdict(list)
    for name, found in outcome["found"].items():
        if found != outcome["expected"][name]:
            answer = outcome["refusals"].get(name)
            how = f"{found} ({answer})" if answer else found
            alike[how, outcome["expected"][name]].append(name)
    for (how, hoped), names in alike.items():
        yield f"{', '.join(names)}: {how}, expected was {hoped}"

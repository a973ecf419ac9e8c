"""A move in a terminal: its stages, what visitors noticed of each, and what the audit found."""

from rich.table import Column, Table

from tools.lab.report.terminal import print_violations

CLAIM = "0 is the claim"


def show(out, result):
    """Print the Result of a move."""
    (run,) = result.runs
    facts = result.facts[run.step]
    out.print(table(facts["stages"]))
    for line in sentences(facts):
        out.print(line, markup=False)
    print_violations(out, run.broken)


def table(stages):
    shown = Table(
        *(Column(name, no_wrap=True) for name in ("", "way")),
        "stage",
        *(
            Column(name, justify="right", no_wrap=True)
            for name in ("seconds", "failed", "slowed", "longest\nwait s")
        ),
        box=None,
    )
    for each in stages:
        shown.add_row(
            str(each["number"]),
            each["way"],
            each["title"],
            f"{each['seconds']:.1f}",
            f"{each['failed']} of {each['requests']}",
            str(each["slowed"]),
            f"{each['longest']:.2f}",
        )
    return shown


def sentences(facts):
    """The longest pause, what died with a process, and the counts of the audit."""
    if facts["turned_round"]:
        yield f"It turned round by itself: {facts['turned_round']}"
    yield f"It ended at step {facts['at']}."
    whole = facts["whole"]
    yield f"Of {whole['requests']} requests {whole['failed']} failed, {whole['slowed']} were slow."
    yield f"Longest pause: a request waited for {whole['longest']:.1f} s."
    if facts["drops"]:
        signed_out, holds = facts["signed_out"], facts["dropped_holds"]
        yield f"Died with the process: {signed_out} sessions, {holds} holds."
    counts = ", ".join(f"{name} {count}" for name, count in facts["damage"].items())
    yield f"Audit ({CLAIM}): {counts}."

"""The repeats of a drill in a terminal: a line for each, and a line for all."""

from tools.lab.report.terminal import print_healed, print_violations

COLUMNS = {
    "requests": "requests",
    "acknowledged": "booked",
    "unknown": "unknown",
    "lost": "lost",
    "doubled": "doubled",
    "oversold": "oversold",
    "charged": "charged",
    "mails_missing": "no mail",
    "mails_doubled": "mail twice",
    "other": "other",
}


def show_drill(out, drill):
    """Print each Repeat of a Drill when it is over, and their sums; whether all were clean."""
    done = []
    print_line(out, ["repeat", *COLUMNS.values(), "well after", "stopped"], style="bold")
    for repeat, trouble, verdict in drill:
        done.append(repeat)
        print_line(out, [str(len(done)), *counts([repeat]), well(repeat), stopped([repeat])])
        for failed in trouble.failed:
            out.print(f"Not done: {failed}", style="yellow", markup=False)
        print_violations(out, verdict.left)
        if not repeat.is_clean():
            print_healed(out, verdict.healed)
            acts = ", ".join(f"{name} ({at:.1f} s)" for at, name, _ in trouble.acts)
            out.print(f"Trouble: {acts}", style="dim", markup=False)
    clean = sum(repeat.is_clean() for repeat in done)
    slowest = max((repeat.well_after or 0 for repeat in done), default=0)
    print_line(out, ["all", *counts(done), f"{slowest:.1f} s", stopped(done)], style="bold")
    out.print(f"{clean} of {len(done)} repeats kept every promise, and were well again.")
    charged = sum(repeat.charged for repeat in done)
    still = len(drill.still_charged)
    out.print(f"Of {charged} charges without a booking, {charged - still} were given back.")
    return clean == len(done) and not still


def print_line(out, cells, **options):
    widths = [6, *(len(name) for name in COLUMNS.values()), 10, 0]
    line = "  ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
    out.print(line, markup=False, highlight=False, soft_wrap=True, **options)


def counts(repeats):
    return [str(sum(getattr(each, name) for each in repeats)) for name in COLUMNS]


def well(repeat):
    return "never" if repeat.well_after is None else f"{repeat.well_after:.1f} s"


def stopped(repeats):
    return ", ".join(sorted({name for each in repeats for name in each.stopped})) or "none"

"""The result of a load in a terminal: violations, or why the run is void, or the figures."""

import os

from rich.table import Column, Table

from tools.lab.measure.outcomes import IN_TIME
from tools.lab.report.human import spread, with_unit

SHOWN = 10  # violations of a promise


def print_result(out, result, ledger):
    """Print the violations; if there are none, why the run is void; otherwise the figures."""
    if any(result["audit"].values()):
        print_violations(out, result["audit"])
    elif result["void"]:
        out.print(
            f"Void: {result['void']}. The run measured nothing of the system; see docs/load.md.",
            style="yellow",
        )
    elif result["options"]["find_rate"]:
        out.print(table_of_probes(result["figures"]))
        out.print(
            f"Held: {result['figures']['held']:g} requests a second. The limit was "
            f"{result['figures']['limit']}."
        )
    else:
        out.print(table_of(result["figures"]))
        out.print(summary(result["figures"]))
    print_healed(out, result["healed"])
    if not any(result["audit"].values()):
        out.print("Audit: every promise was kept.")
    out.print(
        f"Step {result['step']}, {result['machine']}; ledger: {os.path.relpath(ledger)}",
        style="dim",
        soft_wrap=True,
    )


def print_violations(out, audit):
    for promise, violations in audit.items():
        for line in shortened(violations):
            out.print(f"Broken: {promise}. {line}", style="red", markup=False)


def print_healed(out, healed):
    """What the audit saw at first and not at last, with the seconds that it took."""
    for line in shortened([f"{each} ({after:.1f} s)" for each, after in healed.items()]):
        out.print(f"Healed: {line}", style="yellow", markup=False)


def shortened(lines):
    more = [f"And {len(lines) - SHOWN} more."] if lines[SHOWN:] else []
    return lines[:SHOWN] + more


def table_of(figures):
    table = Table(
        "operation",
        *(Column(name, justify="right") for name in ("requests", "p50 ms", "p95 ms", "p99 ms")),
        "not successful",
        box=None,
    )
    for name, each in figures["operations"].items():
        others = ", ".join(
            f"{count} x {outcome}"
            for outcome, count in each["outcomes"].items()
            if outcome[0] != "2"
        )
        table.add_row(
            name,
            str(each["count"]),
            *(f"{each[share]:.1f}" for share in ("p50", "p95", "p99")),
            others,
        )
    return table


def summary(figures):
    return "\n".join(
        [
            f"Held {figures['throughput']:.1f} of {figures['rate']:g} requests a second; "
            f"{figures['in_time']:.1%} of {figures['requests']} answered within "
            f"{IN_TIME:g} s of being due; {figures['errors']} errors; seat taken for "
            f"{figures['seat_taken']:.1%} of holds.",
            f"The generator: {figures['lag_p99_ms']:.2f} ms late (p99), {figures['cpu']:.1%} of "
            f"a core, {figures['connections']} connections.",
        ]
    )


def table_of_figures(figures):
    """{name with its unit: [value, ...]} as a table."""
    table = Table("figure", Column("median", justify="right"), "lowest to highest", box=None)
    for name, values in figures.items():
        table.add_row(*with_unit(name, values), spread(values))
    return table


def table_of_probes(figures):
    table = Table(
        "rate", "in time", "errors", "throughput", "lag p99 ms", "CPU", "verdict", box=None
    )
    for each in sorted(figures["probes"], key=lambda each: each["rate"]):
        row = [
            f"{each['rate']:g}",
            f"{each['in_time']:.1%}",
            str(each["errors"]),
            f"{each['throughput']:.1f}",
            f"{each['lag_p99_ms']:.2f}",
            f"{each['cpu']:.1%}",
        ]
        table.add_row(*row, each["verdict"])
    return table

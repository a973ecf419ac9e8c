"""A Result of a load in a terminal: violations, or why the run is void, or the figures."""

from rich.table import Column, Table

from tools.lab.experiment.samples import SHARES, carries, of_operations
from tools.lab.measure.load_figures import percentile
from tools.lab.measure.outcomes import is_error, is_good
from tools.lab.report.human import number, spread, with_unit

SHOWN = 10  # violations of a promise


def print_result(out, result):
    """Print what each run found, and below it what the audit did."""
    for run in result.runs:
        print_budget(out, result.budgets.get(run.step, {}))
        if run.broken:
            print_violations(out, run.broken)
            print_history(out, run.history)
        elif run.void:
            out.print(
                f"Void: {run.void}. The run measured nothing of the system; see docs/load.md.",
                style="yellow",
            )
        elif result.kind == "rate":
            print_probes(out, result.figures[run.step], result.facts[run.step])
        else:
            print_run(out, run, result.settings)
        print_faults(out, run)
        print_healed(out, run.healed)
        if not run.broken:
            out.print("Audit: every promise was kept.")
        out.print(f"Step {run.step}, {result.machine}", style="dim", soft_wrap=True)


def print_budget(out, budget):
    """What the step might use."""
    for what, how_much in budget.items():
        out.print(f"{what}: {how_much}", style="dim", markup=False)


def print_violations(out, broken):
    for promise, violations in broken.items():
        for line in shortened(violations):
            out.print(f"Broken: {promise}. {line}", style="red", markup=False)


def print_history(out, history):
    """What happened to each booking and hold that was harmed."""
    for id, lines in history.items():
        out.print(f"What is known of {id}:", style="yellow", markup=False)
        for line in lines:
            out.print(f"  {line}", markup=False)


def print_healed(out, healed):
    """What the audit saw at first and not at last, with the seconds that it took."""
    for line in shortened([f"{each} ({after:.1f} s)" for each, after in healed.items()]):
        out.print(f"Healed: {line}", style="yellow", markup=False)


def shortened(lines):
    more = [f"And {len(lines) - SHOWN} more."] if lines[SHOWN:] else []
    return lines[:SHOWN] + more


def print_run(out, run, settings):
    operations = of_operations(run.outcomes)
    out.print(table_of_operations(run, operations))
    out.print(table_of_processes(run))
    out.print(summary(run, operations, settings))


def table_of_operations(run, operations):
    """p50 and p95 where the successes of an operation carry them."""
    table = Table(
        "operation",
        *(Column(name, justify="right") for name in ("requests", "p50 ms", "p95 ms")),
        "not successful",
        box=None,
    )
    for name, outcomes in operations.items():
        took = run.latencies.get(name, [])
        table.add_row(
            name,
            str(sum(outcomes.values())),
            *(
                f"{percentile(took, share):.1f}" if carries(len(took), share) else ""
                for share in SHARES
            ),
            ", ".join(
                f"{count} x {outcome}" for outcome, count in outcomes.items() if outcome[0] != "2"
            ),
        )
    return table


def table_of_processes(run):
    """What each process has cost."""
    cpu, memory = run.by_process["cpu"], run.by_process["memory"]
    table = Table(
        "process",
        Column("CPU ms a request", justify="right"),
        Column("memory MB", justify="right"),
        box=None,
    )
    for name in memory:
        table.add_row(name, number(cpu[name]) if name in cpu else "", number(memory[name]))
    if memory:
        table.add_row("all", number(sum(cpu.values())) if cpu else "", number(sum(memory.values())))
    return table


def summary(run, operations, settings):
    outcomes = [each for outcomes in operations.values() for each in outcomes.items()]
    count = sum(number for _, number in outcomes)
    good = sum(number for outcome, number in outcomes if is_good(outcome))
    errors = sum(number for outcome, number in outcomes if is_error(outcome))
    return (
        f"{number(good)} of {number(count)} requests succeeded or met a conflict, at "
        f"{settings['rate']:g} a second; {errors} errors.\n"
        f"The generator used {run.generator['cpu_ms']:.2f} ms of CPU a request, and was "
        f"{run.generator['lag_p99_ms']:.2f} ms late (p99)."
    )


def print_faults(out, run):
    """When each fault was there, and in which seconds requests failed."""
    for began, ended, name in run.faults:
        out.print(f"{name}: from {began:.1f} s to {ended:.1f} s of the load.")
    failed = {n: each["failed"] for n, each in enumerate(run.seconds) if each["failed"]}
    if run.faults:
        when = ", ".join(f"{count} in second {second}" for second, count in failed.items())
        out.print(f"Failed requests: {sum(failed.values())}{when and f' ({when})'}.")


def table_of_figures(figures):
    """{name with its unit: [value, ...]} as a table."""
    table = Table("figure", Column("median", justify="right"), "lowest to highest", box=None)
    for name, values in figures.items():
        table.add_row(*with_unit(name, values), spread(values))
    return table


def print_probes(out, figures, facts):
    table = Table(
        "rate", "in time", "errors", "throughput", "lag p99 ms", "CPU", "verdict", box=None
    )
    for each in sorted(facts["probes"], key=lambda each: each["rate"]):
        row = [
            f"{each['rate']:g}",
            f"{each['in_time']:.1%}",
            str(each["errors"]),
            f"{each['throughput']:.1f}",
            f"{each['lag_p99_ms']:.2f}",
            f"{each['cpu']:.1%}",
        ]
        table.add_row(*row, ": ".join(filter(None, [each["verdict"], each["why"]])))
    out.print(table)
    for name, (held,) in figures.items():
        out.print(f"{number(held)} {name}. The limit was {facts['limit']}.")

"""What the fault proxies cost while nothing is wrong: a step against itself, without and with one
between any two of its processes.

    PYTHONPATH=. .lab/venv/bin/python -m tools.lab.experiment.proxy_cost [CHECKOUT] [BLOCKS]

The verdicts are those of a comparison: the proxies are not seen if none says better or worse."""

import sys
from pathlib import Path

from tools.lab.experiment.comparison import make_runs, order
from tools.lab.experiment.journal import Journal
from tools.lab.experiment.origin import digest, machine
from tools.lab.experiment.result import Result
from tools.lab.experiment.run import Plan, Prepared
from tools.lab.experiment.starts import FreshStarts
from tools.lab.experiment.verdicts import verdicts
from tools.lab.ground.failed import Failed
from tools.lab.ground.tree import HERE, Tree
from tools.lab.system.state import temporary_state

WITHOUT, WITH = "without proxies", "with proxies"
BLOCKS = 8


def compared(tree, blocks, plan, log):
    """The Result of runs of a tree without and with proxies."""
    prepared = {
        name: Prepared(tree, plan._replace(proxied=name == WITH), log) for name in (WITHOUT, WITH)
    }
    with temporary_state(tree) as folder, FreshStarts(prepared, plan) as starts:
        journal = Journal(folder / "journal")
        journal.begin(plan._asdict())
        turns = order(list(prepared), blocks, plan.seed)
        make_runs(turns, starts.run, journal, lambda title, left: log(f"{title}, {left} left"))
        runs = journal.runs()
    result = Result(
        "compare",
        "python -m tools.lab.experiment.proxy_cost",
        machine(),
        files=dict.fromkeys(prepared, digest(tree)),
        runs=runs,
    )
    result.verdicts = verdicts(result)
    return result


def lines(result):
    """A line for each figure: the ratio with its interval, the verdict."""
    for each in result.verdicts:
        ratio = "" if each.low is None else f"{each.ratio:.3f} ({each.low:.3f} to {each.high:.3f})"
        yield f"{each.figure:12} {ratio:26} {each.verdict}"
    for run in result.runs:
        for promise, violations in run.broken.items():
            yield f"{run.step}, block {run.block + 1}: {promise}: {violations[0]}"


def main(checkout=HERE.path, blocks=BLOCKS):
    def log(line):
        print(line, file=sys.stderr, flush=True)

    for line in lines(compared(Tree(Path(checkout).resolve()), int(blocks), Plan(), log)):
        print(line)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Failed as failed:
        print(f"lab: {failed}", file=sys.stderr)
        sys.exit(failed.exit_code)

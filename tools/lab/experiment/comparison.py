"""Runs of several steps in blocks: every block has a run of each step, and the steps take turns in
going first."""

from contextlib import ExitStack
from dataclasses import replace
from random import Random

from tools.lab.experiment import ladder
from tools.lab.experiment.run import Prepared, run
from tools.lab.ground.failed import Failed

MOST_ATTEMPTS = 3  # at a block, some run of which was void
VOID = 3  # exit code
PROXIED = "(proxy)"  # ends the name of a step with fault proxies that do nothing
LOGS = "logs"  # in a journal's folder: those of the run that broke a promise
SEARCHES = 3  # for the highest rate of each step


def order(names, blocks, seed):
    """[names in the order of a block, ...]: a random order, then its reverse, and so on, so that
    each of two steps goes first as often as the other."""
    random = Random(seed)
    made = []
    for _ in range(0, blocks, 2):
        first = random.sample(names, len(names))
        made += [first, first[::-1]]
    return made[:blocks]


def carry_out(journal, settings, trees, watch):
    """Make the runs and the searches that a journal lacks, unless a run breaks a promise. watch
    shows what happens."""
    plan, logs = settings.plan(), journal.folder / LOGS
    prepared = {
        name: Prepared(tree, plan._replace(proxied=name.endswith(PROXIED)), watch.log, logs)
        for name, tree in trees.items()
    }
    blocks = order(list(trees), settings.blocks, settings.seed)
    searches = order(list(trees), searches_of(settings), settings.seed)
    with ExitStack() as stack:
        for name, each in prepared.items():
            watch.say(f"{name}: making its sample data")
            stack.enter_context(each)
        journal.keep("budgets", {name: each.budget for name, each in prepared.items()})

        def fresh(name, block, attempt):
            return run(prepared[name], plan, block, attempt)

        if make_runs(blocks, fresh, journal, watch.tell):
            search(
                searches,
                lambda name: ladder.highest_rate(prepared[name], plan),
                journal,
                watch.tell,
            )


def searches_of(settings):
    return SEARCHES if settings.find_rate else 0


def lacking(journal, settings, trees):
    """How many runs and searches a journal lacks; none if a run has broken a promise."""
    runs = journal.runs()
    if any(run.broken for run in runs):
        return 0
    done = sum(not run.void for run in runs) + sum(map(len, rates(journal).values()))
    return (settings.blocks + searches_of(settings)) * len(trees) - done


def make_runs(blocks, run, journal, tell=lambda *words: None):
    """Make the runs of these blocks that the journal lacks, with run(name, block, attempt) -> Run.
    Return whether every run was clean: it ends with the first that broke a promise.

    A block with a void run is made again as a whole, with other requests: those of the first
    attempt may come in bursts that a generator cannot send in time. tell(title, left) is called
    before each run, with the number of runs that are left."""
    done = journal.read()
    later = sum(map(len, blocks))
    for number, names in enumerate(blocks):
        later -= len(names)
        attempt, made = done.get(number, (1, {}))
        runs = list(made.values())
        for _ in range(MOST_ATTEMPTS):
            if is_void(runs):
                attempt, runs = attempt + 1, []
            for name in [name for name in names if name not in {each.step for each in runs}]:
                if is_void(runs) or is_broken(runs):
                    break
                left = later + len(names) - len(runs)
                tell(f"block {number + 1} of {len(blocks)}, {name}", left)
                runs.append(replace(run(name, number, attempt), step=name, block=number))
                journal.add(runs[-1], attempt)
            if is_broken(runs):
                return False
            if not is_void(runs):
                break
        else:
            raise Failed(void_again(runs[-1]), VOID)
    return True


def is_void(runs):
    return any(run.void for run in runs)


def is_broken(runs):
    return any(run.broken for run in runs)


def void_again(run):
    return (
        f"block {run.block + 1} was void {MOST_ATTEMPTS} times, the last time at {run.step}: "
        f"{run.void}; do nothing else on this machine, or give less --rate"
    )


def search(rounds, highest_rate, journal, tell):
    """Make the searches of these rounds that the journal lacks, with highest_rate(name) -> Ladder;
    it ends with the first that broke a promise."""
    left = sum(map(len, rounds))
    for number, names in enumerate(rounds, 1):
        for name in names:
            found = rates(journal)
            if len(found.get(name, ())) < number:
                tell(f"search {number} of {len(rounds)} for the highest rate, {name}", left)
                result = highest_rate(name)
                if result.run.broken:
                    journal.add(replace(result.run, step=name, block=-number), attempt=1)
                    return
                journal.keep("rates", {**found, name: [*found.get(name, ()), result.held]})
            left -= 1


def rates(journal):
    """{step: [highest rate held, in each search]}"""
    return journal.kept("rates") or {}

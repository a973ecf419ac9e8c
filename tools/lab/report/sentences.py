"""Which of two steps should I take? Three sentences, made from verdicts and facts: what the second
costs, what it buys, and when to take which."""

from typing import NamedTuple

from tools.lab.experiment.facts import COUPLED_BY, COUPLING, DRILLED_BY, FACTS, LARGEST, REMOVED
from tools.lab.experiment.figures import FIGURES
from tools.lab.experiment.verdicts import BETTER, INCONCLUSIVE, SAME, TOO_FEW, WORSE
from tools.lab.report.human import listed, number
from tools.lab.report.survival import common, survived

OF_TIME = {
    f"{operation} {share}": f"time to {operation} ({share})"
    for operation in ("browse", "hold", "book")
    for share in ("p50", "p95")
}
NOUNS = {"cpu": "CPU time for a request", "memory": "memory", "start": "time to start", **OF_TIME}
COUNTED = {LARGEST: "lines in the largest deployable"}
DECIDING = 2  # what a choice names of each side; the sentences before name everything


class Sides(NamedTuple):
    """What speaks for a step and against it, each as a list of phrases, and the commands that
    would measure the rest."""

    gains: list
    losses: list
    missing: list


def sentences(result, step=None):
    """[what the step costs against the first one, what it buys, when to take which]; the step is
    the last one unless given."""
    base, step = result.steps[0], step or result.steps[-1]
    if broken := [name for name in (base, step) if any(run.broken for run in result.runs_of(name))]:
        return spoiled(base, step, broken)
    verdicts = [each for each in result.verdicts if each.step == step]
    sides = weighed(result, base, step)
    return [
        cost(base, step, verdicts),
        purchase(sides),
        advice(base, step, verdicts, sides),
    ]


def spoiled(base, step, broken):
    return [
        f"{listed(broken)} lost or doubled something, so the costs are not shown.",
        "What was lost or doubled stands in the report, with the history of each booking.",
        f"Take neither {base} nor {step} because of these runs: find the cause first.",
    ]


def cost(base, step, verdicts):
    """The first sentence: every figure that has a verdict, by verdict."""
    if is_too_little(verdicts):
        pairs = max((each.pairs for each in verdicts), default=0)
        return (
            f"What {step} costs against {base} is not known: not enough runs ({pairs} pairs) to "
            "show a difference."
        )
    more, less = ([changed(each) for each in having(verdicts, word)] for word in (WORSE, BETTER))
    same, unsure = (
        [noun(each) for each in having(verdicts, word)] for word in (SAME, INCONCLUSIVE)
    )
    clauses = [f"{step} costs more than {base}: {listed(more)}"] if more else []
    if less:
        clauses.append(
            f"it saves: {listed(less)}"
            if more
            else f"{step} costs less than {base}: {listed(less)}"
        )
    if same:
        clauses.append(
            f"within 5 % it is the same in {listed(same)}"
            if clauses
            else f"{step} costs the same as {base}, within 5 %, in {listed(same)}"
        )
    if unsure:
        clauses.append(
            f"these runs do not decide {listed(unsure)}"
            if clauses
            else f"Whether {step} costs more than {base} is open: these runs do not decide "
            f"{listed(unsure)}"
        )
    return f"{'; '.join(clauses)}."


def is_too_little(verdicts):
    return all(each.verdict == TOO_FEW for each in verdicts)


def having(verdicts, word):
    """The verdicts with this word; of an operation the p95 only where its p50 has another one."""
    found = {each.figure: each for each in verdicts if each.verdict == word}
    return [
        each
        for figure, each in found.items()
        if not (figure.endswith(" p95") and figure.replace("p95", "p50") in found)
    ]


def noun(verdict):
    return NOUNS.get(verdict.figure) or FIGURES[verdict.figure].name


def changed(verdict):
    """52 % more memory; 2.3 times the memory; 30 % less memory."""
    if verdict.ratio >= 2:
        return f"{number(verdict.ratio)} times the {noun(verdict)}"
    by = max(1, round(abs(100 * (verdict.ratio - 1))))
    return f"{by} % {'more' if verdict.ratio > 1 else 'less'} {noun(verdict)}"


def weighed(result, base, step):
    """The Sides of what is not measured in runs: facts and drills."""
    gains, losses = [], []
    if drills := common(result, base, step):
        before, now = (survived(result, name, drills)[0] for name in (base, step))
        of = survived(result, step, drills)[1]
        phrase = f"journeys that go on during a fault ({now} of {of} instead of {before})"
        sort_in(gains, losses, phrase, before, now, less_is_better=False)
    for key, fact in FACTS.items():
        before, now = (result.facts.get(name, {}).get(key) for name in (base, step))
        if None in (before, now) or key == REMOVED:
            continue
        phrase = f"{COUNTED.get(key, fact.name)} ({number(now)} instead of {number(before)})"
        sort_in(gains, losses, phrase, before, now, less_is_better=fact.less_is_better)
    uncoupled = [
        name
        for name in (base, step)
        if any(key not in result.facts.get(name, {}) for key in COUPLING)
    ]
    undrilled = [name for name in (base, step) if not result.drills.get(name)]
    return Sides(
        gains, losses, [*of_steps(DRILLED_BY, undrilled), *of_steps(COUPLED_BY, uncoupled)]
    )


def of_steps(command, steps):
    """The command that measures what these steps lack, once; nothing if they lack nothing."""
    names = sorted({step[:2] for step in steps})
    return [command.format(names[0] if len(names) == 1 else "STEP")] if names else []


def sort_in(gains, losses, phrase, before, now, *, less_is_better):
    if now != before:
        is_gain = (now < before) == less_is_better
        (gains if is_gain else losses).append(f"{'fewer' if now < before else 'more'} {phrase}")


def purchase(sides):
    """The second sentence: what the step buys, what it gives up, and what nobody has measured."""
    missing = " and ".join(f"`{command}`" for command in sides.missing)
    if not sides.gains and not sides.losses and missing:
        return f"What it buys is not known yet: measure it with {missing}."
    clauses = [
        f"It buys {listed(sides.gains)}" if sides.gains else "It buys nothing that is measured here"
    ]
    if sides.losses:
        clauses.append(f"it brings {listed(sides.losses)}")
    if missing:
        clauses.append(f"not measured yet: {missing}")
    return f"{'; '.join(clauses)}."


def advice(base, step, verdicts, sides):
    """The third sentence: what speaks for either, and nothing that was not found."""
    if is_too_little(verdicts):
        return f"Do not choose between {base} and {step} by so few runs: six blocks are the least."
    for_step = [*sides.gains, *map(changed, having(verdicts, BETTER))]
    against = [*map(changed, having(verdicts, WORSE)), *sides.losses]
    if for_step and against:
        return (
            f"Take {step} if you want {listed(for_step[:DECIDING])}, and can live with "
            f"{listed(against[:DECIDING])}; otherwise take {base}."
        )
    rest = " (some of it is not measured yet)" if sides.missing else ""
    unsure = having(verdicts, INCONCLUSIVE)
    if for_step or against:
        better = step if for_step else base
        other = base if for_step else step
        open_still = f", though {listed(map(noun, unsure))} may differ" if unsure else ""
        return f"Take {better}: nothing measured here{rest} speaks for {other}{open_still}."
    if unsure:
        return (
            f"These runs do not decide between them{rest}: measure more --blocks, or take either."
        )
    return f"Take either: no difference was found{rest}."

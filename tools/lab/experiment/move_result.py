"""The Result of a move, after its audit."""

from math import inf

from tools.lab.experiment import move_outcome as outcome
from tools.lab.experiment.origin import digest, machine
from tools.lab.experiment.result import Result
from tools.lab.experiment.road import BACK
from tools.lab.measure.audit import audit
from tools.lab.measure.judge_money import WITHOUT_BOOKING
from tools.lab.measure.reconcile import reconcile

SETTLES_WITHIN = 60.0  # seconds


def result_of(move, trees, settings, turned_round):
    """(the Result of a move whose load has ended, whether all is well: no promise broken, and not
    turned round); turned_round is the reason, if it did."""
    journal = move.journal
    began = max(line["at"] for line in journal.lines if line["what"] in ("plan", "goes on"))
    answers = move.traffic.answers(since=began)
    stages = [each for each in outcome.stages(journal, move.legs, answers) if each["began"] > began]
    verdict, facts = audited(move, began)
    run = outcome.run_of(trees[-1].slug, answers, stages)
    run.broken = broken(verdict, journal)
    run.healed = verdict.healed
    facts |= {
        "at": move.here.facade.slug,
        "turned_round": turned_round,
        "stages": stages,
        "whole": outcome.measured(answers, began, inf),
    }
    result = Result(
        "migrate",
        f"./lab migrate {trees[0].slug[:2]} {trees[-1].slug[:2]}{options(settings)}",
        machine(),
        settings=settings,
        files={tree.slug: digest(tree) for tree in trees},
        runs=[run],
        facts={run.step: facts},
    )
    doubled = facts["damage"]["doubled"] and not was_interrupted(journal)
    return result, not (turned_round or run.broken or doubled)


def options(settings):
    """The options that make a move another one."""
    return " --back" * (settings["way"] == BACK) + " --stop-the-world" * settings["stop_the_world"]


def audited(move, began):
    """(the Verdict of the audit, facts: the counts of what died since then, and of what is
    damaged)"""
    settings = move.system.to_run()
    entries = move.traffic.entries()
    held = outcome.dropped_holds(entries, move.journal.of("drops"))
    verdict = audit(
        outcome.without_holds(entries, held),
        settings,
        within=SETTLES_WITHIN,
        heal=lambda: reconcile(move.system.tree, settings),
        may_remain=lambda line: WITHOUT_BOOKING in line,  # until the hold has ended
    )
    drops, signed_out = (
        [line for line in move.journal.of(what) if line["at"] > began]
        for what in ("drops", "signed out")
    )
    return verdict, {
        "drops": sorted({name for line in drops for name in line["drops"]}),
        "signed_out": sum(line["count"] for line in signed_out),
        "dropped_holds": len(outcome.dropped_holds(entries, drops)),
        "damage": outcome.damage(verdict, entries, settings["MAIL_URL"]),
    }


def broken(verdict, journal):
    """{promise: violations}. After a sudden death, charges without a booking are given back when
    their holds have ended."""
    may_wait = was_interrupted(journal)
    left = {
        promise: [line for line in lines if not (may_wait and WITHOUT_BOOKING in line)]
        for promise, lines in verdict.left.items()
    }
    return {promise: lines for promise, lines in left.items() if lines}


def was_interrupted(journal):
    """Whether the lab was killed on the way, and everything with it."""
    return any(line["is_cut_off"] for line in journal.of("goes on"))

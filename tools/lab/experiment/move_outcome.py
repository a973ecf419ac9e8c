"""What came of a move: the figures of each stage, what died with a process, and what the audit
found."""

from collections import Counter

from tools.lab.experiment import samples
from tools.lab.experiment.result import Run
from tools.lab.measure.evidence import confirmations
from tools.lab.measure.judge import LOST, MAIL, MONEY, SEATS
from tools.lab.measure.judge_money import WITHOUT_BOOKING
from tools.lab.measure.ledger import expires
from tools.lab.measure.outcomes import IN_TIME, NOT_SENT, is_good


def measured(answers, began, ended):
    """{requests, failed, slowed, longest} of the requests that were due in a stage: slowed are good
    answers that took more than a second, longest is the longest wait in seconds."""
    found = [
        (done - due, is_good(outcome))
        for _, due, done, outcome in answers
        if began <= due < ended and outcome != NOT_SENT
    ]
    return {
        "requests": len(found),
        "failed": sum(not good for _, good in found),
        "slowed": sum(good and wait > IN_TIME for wait, good in found),
        "longest": max((wait for wait, _ in found), default=0.0),
    }


def stages(journal, legs, answers):
    """The figures of every stage that was carried out, in order."""
    return [
        {
            "number": line["stage"] + 1,
            "way": line["way"],
            "title": legs[line["stage"]].stage.title,
            "began": line["began"],
            "seconds": line["at"] - line["began"],
            **measured(answers, line["began"], line["at"]),
        }
        for line in journal.of("done")
    ]


def dropped_holds(entries, drops):
    """The ids of the holds that could still be booked when the process that knew them ended; drops
    are the lines of the journal about that."""
    return {
        entry["answer"]["id"]
        for line in drops
        for entry in entries
        if entry["operation"] == "hold" and entry["status"] == 201
        if entry["at"] < line["at"] < expires(entry)
        if not _is_booked(entry["answer"]["id"], entries, line["at"])
    }


def _is_booked(hold, entries, until):
    return any(
        entry["operation"] == "book"
        and entry["body"]["hold_id"] == hold
        and entry["status"] == 201
        and entry["at"] < until
        for entry in entries
    )


def without_holds(entries, holds):
    """A ledger without these holds, which nobody promises any more."""
    return [
        entry
        for entry in entries
        if entry["answer"].get("id") not in holds or entry["operation"] != "hold"
        if entry["operation"] != "book" or entry["body"]["hold_id"] not in holds
    ]


def damage(verdict, entries, mail_url):
    """{lost, doubled, oversold, charged twice, charged without a booking}"""
    ours = {entry["email"] for entry in entries}
    mails = confirmations(mail_url) or Counter()
    money = verdict.left[MONEY]
    waiting = [line for line in money if WITHOUT_BOOKING in line]
    return {
        "lost": len(verdict.left[LOST]) + len(verdict.left[MAIL]),
        "doubled": sum(count - 1 for (email, _), count in mails.items() if email in ours),
        "oversold": len(verdict.left[SEATS]),
        "charged twice": len(money) - len(waiting),
        "charged without a booking": len(waiting),
    }


def run_of(step, answers, found):
    """The Run of a move, for its time line: answers by the second, a shaded time for each stage."""
    first = min((due for _, due, *_ in answers), default=0.0)
    results = [
        (operation, due - first, due - first, done - first, outcome)
        for operation, due, done, outcome in answers
        if outcome != NOT_SENT
    ]
    last = max((due for _, due, *_ in results), default=0.0)
    return Run(
        step,
        outcomes=samples.outcomes(results),
        latencies=samples.latencies(results),
        seconds=samples.by_second(results, int(last) + 1),
        faults=[
            [each["began"] - first, each["began"] - first + each["seconds"], str(each["number"])]
            for each in found
        ],
    )

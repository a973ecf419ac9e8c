"""The outcome of a request in words: its status, and the type of a refusal."""

IN_TIME = 1.0  # seconds after a request was due
NO_ANSWER = "no answer"
NOT_SENT = "not sent: the previous request had no answer yet"


def outcome(answer):
    if answer.status is None:
        return NO_ANSWER
    if answer.status < 400:
        return str(answer.status)
    return f"{answer.status} {answer.json.get('type', '')}".strip()


def is_in_time(due, ended, outcome):
    return is_good(outcome) and ended - due <= IN_TIME


def is_good(outcome):
    """True for success and for a conflict: that another buyer got the seat first is no fault."""
    return outcome[0] == "2" or outcome.startswith("409")


def is_error(outcome):
    return outcome[0] == "5" or outcome in (NO_ANSWER, NOT_SENT)

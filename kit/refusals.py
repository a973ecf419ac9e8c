"""The ways to refuse a request. A module names its own cases as subclasses.

Each has a `kind`, which programs read, and a `title`, which people read; `detail` says what is
wrong this time. Only kit/http.py knows what a refusal looks like over HTTP."""


class Refusal(Exception):
    """Nothing was done, except where OutcomeUnknown says otherwise. `more` is added to the answer,
    as JSON."""

    kind = title = None

    def __init__(self, detail, **more):
        super().__init__(detail)
        self.detail = detail
        self.more = more


class NotFound(Refusal):
    """The thing does not exist, or the caller may not know that it exists."""

    kind = "not-found"
    title = "Not found"


class Conflict(Refusal):
    """The request is valid, but the state of the system does not allow it."""


class Unauthenticated(Refusal):
    """The caller has not proved who they are."""


class Invalid(Refusal):
    """Some fields are wrong: errors is a list of (field, what is wrong with it)."""

    kind = "invalid"
    title = "Some fields are wrong"

    def __init__(self, errors):
        sentence = "; ".join(f"{field} {detail}" for field, detail in errors)
        listed = [{"field": field, "detail": detail} for field, detail in errors]
        super().__init__(f"{sentence}.", errors=listed)


class Unavailable(Refusal):
    """A service that the request needs does not answer; trying again later helps."""

    kind = "unavailable"
    title = "Not available just now"

    def __init__(self, service):
        super().__init__(
            f"{service} is not available just now. Nothing was done; please try again."
        )


class OutcomeUnknown(Refusal):
    """A service that the request needs gave no clear answer: it may have been done, or not."""

    kind = "outcome-unknown"
    title = "It is not known whether this was done"

    def __init__(self, service):
        super().__init__(
            f"{service} gave no clear answer, so this may have been done, or not. To find out, "
            "ask for the booking, or repeat the request with the same Idempotency-Key."
        )

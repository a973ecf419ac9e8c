"""The ways to say no. Only web.py knows what they look like over HTTP."""


class Refusal(Exception):
    """Nothing was done, and detail says why, in words for a person; kind is the same for a machine."""

    def __init__(self, detail, *, kind=None, **more):
        super().__init__(detail)
        self.detail = detail
        self.kind = kind or self.kind
        self.more = more


class NotFound(Refusal):
    """There is no such thing, or none that the asker may know of."""

    kind = "not-found"


class Conflict(Refusal):
    """The request is fine, the state of things is not; kind names the case."""


class Invalid(Refusal):
    """Some fields are wrong: errors is a list of (field, what is wrong with it)."""

    kind = "invalid"

    def __init__(self, errors, *, kind=None):
        listed = [{"field": field, "detail": detail} for field, detail in errors]
        super().__init__("; ".join(f"{field} {detail}" for field, detail in errors) + ".", kind=kind, errors=listed)


class WrongCredentials(Refusal):
    """No account has this address and password."""

    kind = "wrong-credentials"


class Unavailable(Refusal):
    """Something that is needed does not answer; trying again later helps."""

    kind = "unavailable"

    def __init__(self, what):
        super().__init__(f"{what} is not available just now. Nothing was done; please try again.")

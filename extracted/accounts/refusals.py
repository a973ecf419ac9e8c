from kit.refusals import Conflict, Unauthenticated


class EmailTaken(Conflict):
    """Another account has this e-mail address."""

    kind = "email-taken"
    title = "Address taken"


class WrongCredentials(Unauthenticated):
    """No account has this address and password."""

    kind = "wrong-credentials"
    title = "Wrong credentials"

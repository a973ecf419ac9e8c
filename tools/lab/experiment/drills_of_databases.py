"""The drills of the database servers of a step."""

from functools import partial

from tools.lab.experiment import faults
from tools.lab.experiment.hypothesis import (
    IDENTIFIED,
    IDENTITY,
    JOURNEYS,
    LONG,
    MAILS,
    PAID,
    RECOMMENDED,
    SALE,
    SHORT,
    SOLD,
    STAYS,
    Drill,
)

WAITING = {
    "monolith": "Who books, cancels or lists bookings waits, and nothing fails. Until step 04, who "
    "registers or lists payments waits, too: foreign keys and joins lead to this table. From step "
    "13 on nobody uses it.",
    "accounts": "Who registers or signs in waits.",
    "bookings": "Who books, cancels or lists bookings waits, and nothing fails.",
    "notifications": "Everything works, and mail comes later.",
    "payments": "Who lists payments waits, and pending bookings do.",
    "recommendations": "At step 08 everything works. From step 09 on recommendations wait.",
}
OF_LOCK = {
    "monolith": (
        ("00-12", "later", ("book", "cancel", "my bookings", "confirmation mail")),
        # a foreign key from mails to bookings: a welcome mail needs the table, too
        ("00-04", "later", ("register", "welcome mail")),
        ("00-04", "later", ("my payments",)),  # the owner of a payment is that of its booking
    ),
    "accounts": ((IDENTIFIED, "later", IDENTITY),),
    "bookings": ((SOLD, "later", ("book", "cancel", "my bookings", "confirmation mail")),),
    "notifications": (("07-", "later", MAILS),),
    "payments": ((PAID, "later", ("my payments", "confirmation mail")),),
    "recommendations": ((RECOMMENDED, "later", ("recommendations",)),),
}
DOWN = {
    "monolith": "Nothing works, but from step 09 on recommendations, from step 11 on the list of "
    "payments, from step 12 on registering and signing in, and from step 13 on the sale. The "
    "facade lets requests wait for up to 8 s, and this takes longer.",
    "accounts": "Nobody can register, sign in or sign out, until it is back.",
    "bookings": "Nobody can see seats, hold, book, cancel or list bookings, until it is back.",
    "notifications": "Everything works, and what needs this database comes later.",
    "payments": "Nobody can list payments, and bookings stay pending, until it is back.",
    "recommendations": "At step 08 everything works. From step 09 on there are no "
    "recommendations until it is back.",
}
WHILE_DOWN = {
    "monolith": (("00-", "fails", JOURNEYS), *STAYS),
    "accounts": ((IDENTIFIED, "fails", IDENTITY),),
    "bookings": ((SOLD, "fails", SALE),),
    "notifications": (("07-", "later", MAILS),),
    "payments": ((PAID, "fails", ("my payments",)), (PAID, "later", ("confirmation mail",))),
    "recommendations": ((RECOMMENDED, "fails", ("recommendations",)),),
}


def of_database(owner):
    """The drills of an owner's database server."""
    is_only = owner == "monolith"
    whose = "The database" if is_only else f"The database of {owner}"
    suffix = "" if is_only else f"-{owner}"
    name = faults.server_name(owner)
    return (
        Drill(
            f"database-down{suffix}",
            f"{whose} is stopped",
            DOWN[owner],
            partial(faults.stopped, name=name),
            f"./lab ps: {name} is stopped",
            WHILE_DOWN[owner],
            lasts=LONG if is_only else SHORT,
            component=name,
        ),
        Drill(
            f"database-restart{suffix}",
            f"{whose} is restarted in order",
            "Requests fail for about a second; then everything works again, without a restart of "
            "any process.",
            partial(faults.restarted, owner=owner),
            f"./lab ps: {name} has started twice",
            visit_after=2.0,
            stays=False,
        ),
        Drill(
            f"database-crash{suffix}",
            f"{whose} ends as after a power failure",
            "Requests fail until it has recovered; then everything works again, and nothing that "
            "was acknowledged is lost.",
            partial(faults.crashed, owner=owner),
            f"./lab logs {name}: it was not properly shut down",
            visit_after=2.0,
            stays=False,
        ),
        Drill(
            f"database-locked{suffix}",
            f"A table of {whose.replace('The', 'the')} is locked: {faults.LOCKED[owner]}",
            WAITING[owner],
            partial(faults.locked, owner=owner),
            f"./lab sql {owner} -c 'select pid, wait_event, query from pg_stat_activity': many "
            "wait for the same lock",
            OF_LOCK[owner],
        ),
    )

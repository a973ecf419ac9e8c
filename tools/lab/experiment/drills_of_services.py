"""The drills of what a step uses: mail server, payment provider, Kafka and its messages."""

from functools import partial

from tools.lab.experiment import faults
from tools.lab.experiment.hypothesis import (
    BY_MESSAGE,
    CHARGED_IN_REQUEST,
    IN_REQUEST,
    LONG,
    MAILS,
    PENDING,
    Drill,
    includes,
)

MAIL_DOWN = Drill(
    "mail-down",
    "The mail server is stopped",
    "Until step 05 nobody can register or book, since the mail is sent in the request; from step "
    "06 on everything works, and the mail comes later.",
    partial(faults.stopped, name="mail"),
    "./lab ps: mail is stopped",
    (
        (IN_REQUEST, "fails", ("register", "book", *MAILS)),
        (BY_MESSAGE, "later", MAILS),
    ),
    component="mail",
)
NO_PROVIDER = (
    (IN_REQUEST, "fails", ("register", "book", "cancel", *MAILS)),
    (CHARGED_IN_REQUEST, "fails", ("book", "cancel", "confirmation mail")),
    (PENDING, "later", ("confirmation mail",)),
)
IS_PENDING = "From step 10 on everything works: a booking is pending, and its mail comes later."


def of_provider(slug):
    """The drills of the payment provider at a step."""
    return (
        Drill(
            "provider-down",
            "The payment provider is stopped",
            "Until step 09 nobody can book or cancel, and until step 05 nobody can register "
            f"either, since the provider is asked in the request. {IS_PENDING}",
            partial(faults.stopped, name="payments-sandbox"),
            "./lab ps: payments-sandbox is stopped",
            NO_PROVIDER,
            component="payments-sandbox",
        ),
        Drill(
            "provider-slow",
            "The payment provider answers after 5 s",
            "Until step 09 who needs the provider waits for it, and nobody else does. "
            f"{IS_PENDING}",
            partial(faults.provider, latency_ms=5000),
            "./lab logs web: until step 09 some requests took 5 s, all of them about money",
            ((PENDING, "later", ("confirmation mail",)),),
            # the worker asks for one after the other: only a fault that is over before its first
            # answer makes every mail late
            lasts=4.0 if includes(PENDING, slug) else 8.0,
        ),
        Drill(
            "provider-silent",
            "The payment provider charges cards and does not answer",
            "Until step 09 nobody can book or cancel, and until step 05 nobody can register; what "
            f"was charged without a booking is given back. {IS_PENDING}",
            partial(faults.provider, silent=True),
            "./lab logs web (at step 10 worker, then payments-worker): the payment provider timed "
            "out",
            NO_PROVIDER,
            lasts=LONG,  # the shop waits for 8 s
        ),
    )


BROKER = (
    Drill(
        "broker-down",
        "Kafka is stopped",
        "Everything works. Mail comes later, when Kafka runs again.",
        partial(faults.stopped, name="kafka"),
        "./lab ps: kafka is stopped",
        ((BY_MESSAGE, "later", MAILS),),
        component="kafka",
    ),
    Drill(
        "broker-hanging",
        "Kafka keeps its connections and does not answer",
        "Everything works. Mail comes later, when Kafka answers again.",
        partial(faults.paused, name="kafka"),
        "./lab topics gets no answer, though ./lab ps shows that kafka runs",
        ((BY_MESSAGE, "later", MAILS),),
    ),
)

MESSAGES = (
    Drill(
        "message-doubled",
        "A hundred messages come again",
        "Everything works. No message has its effect twice: nobody gets a mail again.",
        partial(faults.published, name="publish_doubled"),
        "./lab topics bookings: messages with the same data",
        stays=False,
    ),
    Drill(
        "message-out-of-order",
        "The messages of a booking come before the account of its customer",
        "Everything works. The message waits for the other one, and then has its effect once.",
        partial(faults.published, name="publish_out_of_order"),
        "./lab topics: a booking is requested before the account of its customer is there",
        visit_after=1.0,  # the relay was stopped for it
        stays=False,
    ),
    Drill(
        "message-unreadable",
        "Messages come that nobody can read",
        "Everything works. Each of them becomes a dead letter, and no other message waits.",
        partial(faults.published, name="publish_unreadable"),
        "./lab sql monolith -c 'select * from dead_letters'",
    ),
    Drill(
        "message-unknown-version",
        "Messages come of an unknown version, of an unknown type, and with an unknown field",
        "Everything works. The first becomes a dead letter, the second is ignored, and the third "
        "is processed as if the field were not there.",
        partial(faults.published, name="publish_unknown_version"),
        "./lab sql monolith -c 'select * from dead_letters'",
    ),
    Drill(
        "message-failing-handler",
        "A message comes whose handler fails",
        "Everything works. It becomes a dead letter after a few tries, and the messages behind it "
        "wait no longer than that.",
        partial(faults.published, name="publish_failing"),
        "./lab sql monolith -c 'select * from dead_letters'",
    ),
)

"""The drills of `./lab break`: what is broken, what should go on working meanwhile, and where one
sees it."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from tools.lab.experiment import faults
from tools.lab.experiment.proxied import disturbed
from tools.lab.ground.failed import Failed
from tools.lab.measure.drill import scale_of
from tools.lab.measure.judge import LOST

SIGNED_IN = ("hold", "book", "cancel", "my bookings", "my payments", "recommendations")
MAILS = ("welcome mail", "confirmation mail")
READS = ("browse", "seats", "my bookings", "my payments", "recommendations")
WRITES = ("register", "sign in", "hold", "book", "cancel")
JOURNEYS = ("browse", "seats", "register", "sign in", *SIGNED_IN, *MAILS)
IN_REQUEST = "00-05"  # mail is sent, and the provider asked, in the request that needs them
BY_MESSAGE = "06-"
IN_MEMORY = "00-02"  # sessions and holds are kept in the process
SHORT, LONG = 6.0, 10.0  # seconds: the facade lets a request wait for 8


class Drill(NamedTuple):
    """One fault, and the hypothesis about it. fault(system) is a context manager that breaks the
    system and repairs it. expected are (steps, how, journeys) of the journeys that do not simply
    work; breaks are (steps, promise) of the promises that are known to be broken by it."""

    name: str
    title: str
    hypothesis: str
    fault: Callable
    look: str  # how one sees it from another terminal
    expected: tuple = ()
    breaks: tuple = ()
    lasts: float = SHORT  # seconds
    visit_after: float = 0.0  # seconds from the beginning of the fault
    component: str = ""  # that is stopped until the fault ends: a row of the matrix
    stays: bool = True  # until it is ended; otherwise the system begins to repair itself at once
    proxied: bool = False  # it needs a system with proxies between its processes


def includes(steps, slug):
    """Whether NN-MM, or NN- for all from there on, includes a step."""
    first, _, last = steps.partition("-")
    return first <= slug[:2] <= (last or "99")


def expected(drill, slug):
    """{journey: works, later or fails} at a step. later: it succeeds once the fault has ended."""
    found = dict.fromkeys(JOURNEYS, "works")
    for steps, how, journeys in drill.expected:
        if includes(steps, slug):
            found |= dict.fromkeys(journeys, how)
    return found


def may_break(drill, slug):
    """The promises that a drill is known to break at a step."""
    return [promise for steps, promise in drill.breaks if includes(steps, slug)]


CONTROL = Drill(
    "control",
    "Nothing is broken",
    "Everything works. What the other drills show is compared with this.",
    faults.nothing,
    "./lab ps: every process runs, each with one start",
    stays=False,
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
    (BY_MESSAGE, "fails", ("book", "cancel", "confirmation mail")),
)
PROVIDER = (
    Drill(
        "provider-down",
        "The payment provider is stopped",
        "Nobody can book or cancel. Until step 05 nobody can register either, since the provider "
        "is asked in the request.",
        partial(faults.stopped, name="payments-sandbox"),
        "./lab ps: payments-sandbox is stopped",
        NO_PROVIDER,
        component="payments-sandbox",
    ),
    Drill(
        "provider-slow",
        "The payment provider answers after 5 s",
        "Everything works. Who needs the provider waits for it, and nobody else does.",
        partial(faults.provider, latency_ms=5000),
        "./lab logs web: some requests took 5 s, and all of them are about money",
        lasts=8.0,
    ),
    Drill(
        "provider-silent",
        "The payment provider charges cards and does not answer",
        "Nobody can book, cancel or, until step 05, register. Nobody pays for nothing: what was "
        "charged without a booking is given back.",
        partial(faults.provider, silent=True),
        "./lab logs web: the payment provider timed out, outcome-unknown",
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

# between processes: each needs a system with proxies
BROKER_CUT = (
    Drill(
        "broker-cut",
        "All connections to Kafka are closed, and new ones refused, though it runs",
        "Everything works. Mail comes later, when Kafka can be reached again.",
        partial(disturbed, name="kafka", toxic="down"),
        "./lab logs relay: it cannot connect, though ./lab ps shows that kafka runs",
        ((BY_MESSAGE, "later", MAILS),),
        proxied=True,
    ),
    Drill(
        "broker-reset",
        "Every connection to Kafka is reset as soon as it is open",
        "Everything works. Mail comes later, when connections to Kafka last again.",
        partial(disturbed, name="kafka", toxic="reset"),
        "./lab logs relay: connections end, though ./lab ps shows that kafka runs",
        ((BY_MESSAGE, "later", MAILS),),
        proxied=True,
    ),
)
NETWORK = (
    Drill(
        "database-slow",
        "Every answer of the database comes 50 ms later, as from another region",
        "Everything works, and takes longer: 50 ms for each statement of a request.",
        partial(disturbed, name="postgres", toxic="latency", directions=["downstream"], latency=50),
        "./lab logs web: every request that needs the database takes 100 ms and more",
        proxied=True,
    ),
    Drill(
        "provider-cut",
        "Nothing that is sent to the payment provider arrives, and connections stay open",
        "Nobody can book or cancel. Until step 05 nobody can register either, since the provider "
        "is asked in the request. Nobody pays for nothing.",
        partial(disturbed, name="payments-sandbox", toxic="hang"),
        "./lab logs web: the payment provider timed out, though ./lab ps shows that it runs",
        NO_PROVIDER,
        lasts=10.0,  # the shop waits for 8
        proxied=True,
    ),
)
WEB_RESET = Drill(
    "web-reset",
    "Every connection between the facade and web is reset",
    "What changes something fails at once, since nobody knows whether it was done. The facade "
    "repeats reads for up to 8 s, so they come later.",
    partial(disturbed, name="web", toxic="reset"),
    "./lab logs facade: connections are reset, though ./lab ps shows that web runs",
    (("02-", "later", READS), ("02-", "fails", (*WRITES, *MAILS))),
    proxied=True,
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
        "The confirmation of a booking comes before the account of its customer",
        "Everything works. The message waits for the other one, and then has its effect once.",
        partial(faults.published, name="publish_out_of_order"),
        "./lab topics bookings: a booking is confirmed before it is requested",
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
            "Nothing works. The facade lets requests wait for up to 8 s, and this takes longer."
            if is_only
            else "Everything works, and what needs this database comes later.",
            partial(faults.stopped, name=name),
            f"./lab ps: {name} is stopped",
            (("00-", "fails", JOURNEYS) if is_only else ("07-", "later", MAILS),),
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
            "Only what needs this table waits, and nothing fails.",
            partial(faults.locked, owner=owner),
            f"./lab sql {owner} -c 'select pid, wait_event, query from pg_stat_activity': many "
            "wait for the same lock",
            OF_LOCK[owner],
        ),
    )


OF_LOCK = {
    "monolith": (("00-", "later", ("book", "cancel", "my bookings", "confirmation mail")),),
    "notifications": (("07-", "later", MAILS),),
}
# what does not simply work while a process is killed and starts again, is stopped, or is paused
KILLED = {
    "web": (("00-01", "fails", JOURNEYS), ("02-02", "fails", (*SIGNED_IN, "confirmation mail"))),
    "facade": (("02-", "fails", JOURNEYS),),
    "relay": (),
    # Kafka gives the partitions of a dead consumer to the next one after 10 s
    "worker": (("06-06", "later", MAILS),),
    "notifications-worker": (("07-", "later", MAILS),),
}
STOPPED = {
    **KILLED,
    "web": (("00-", "fails", JOURNEYS),),
    "relay": (("06-", "later", MAILS),),
}
PAUSED = {
    **STOPPED,
    "web": (("00-02", "later", JOURNEYS),),
    "facade": (("02-", "later", JOURNEYS),),
}
KILL_HYPOTHESES = {
    "web": "Until step 01 nothing works until it runs again; at step 02 the facade waits for it, "
    "but everybody is signed out; from step 03 on the other instance serves everybody.",
    "facade": "Nothing works until it runs again, within a second or two.",
    "relay": "Everything works; the next relay publishes what was recorded.",
    "worker": "Everything works. At step 06 mail waits until Kafka counts the dead consumer out.",
    "notifications-worker": "Everything works. Mail waits until Kafka counts the dead consumer "
    "out.",
}
STOP_HYPOTHESES = {
    "web": "Nothing works. The facade lets requests wait for up to 8 s, and this takes longer.",
    "facade": "Nothing works.",
    "relay": "Everything works. Messages are published, and mail comes, when it runs again.",
    "worker": "Everything works. At step 06 mail comes when it runs again; from step 07 on "
    "another process sends it.",
    "notifications-worker": "Everything works. Mail comes when it runs again.",
}
PAUSE_HYPOTHESES = {
    **STOP_HYPOTHESES,
    "web": "Until step 02 everything waits until it goes on; from step 03 on the facade notices "
    "within 3 s, and the other instance serves everybody.",
    "facade": "Everything waits until it goes on.",
}


def of_process(name):
    """The drills of a process of a step."""
    if name not in KILLED:
        raise Failed(f"no drill says what should work without the process {name}")
    is_web = name == "web"
    return (
        Drill(
            f"kill-{name}",
            f"An instance of {name} is killed with -9",
            KILL_HYPOTHESES[name],
            partial(faults.killed, name=name),
            f"./lab ps: {name} has started twice",
            KILLED[name],
            breaks=((IN_MEMORY, LOST),) if is_web else (),
            stays=False,
        ),
        Drill(
            f"stop-{name}",
            f"{name} is stopped",
            STOP_HYPOTHESES[name],
            partial(faults.stopped, name=name),
            f"./lab ps: {name} is stopped",
            STOPPED[name],
            breaks=((IN_MEMORY, LOST),) if is_web else (),
            lasts=LONG if is_web else SHORT,
            component=name,
        ),
        Drill(
            f"pause-{name}",
            f"An instance of {name} keeps its connections and does nothing",
            PAUSE_HYPOTHESES[name],
            partial(faults.paused, name=name),
            f"./lab logs {name}: it says nothing, though ./lab ps shows that it runs",
            PAUSED[name],
            visit_after=4.0 if is_web else 0.0,
        ),
    )


ROLLING = Drill(
    "restart-web",
    "The instances of web are restarted, one after the other",
    "No request fails.",
    partial(faults.rolling_restart, name="web"),
    "./lab ps: every instance of web has started twice",
    lasts=8.0,
    stays=False,
)
STORM = Drill(
    "retry-storm",
    "Every web process dies, and all clients repeat their requests until they are answered",
    "Everything works again a few seconds later; until step 02 everybody is signed out.",
    faults.retry_storm,
    "./lab logs web: many requests in the first second after the start",
    ((IN_MEMORY, "fails", (*SIGNED_IN, "confirmation mail")),),
    breaks=((IN_MEMORY, LOST),),
    visit_after=4.0,
    stays=False,
)


def drills_of(tree):
    """{name: Drill} of every drill that a step can have, the control first."""
    drills = [CONTROL, MAIL_DOWN, *PROVIDER]
    if tree.topics:
        drills += BROKER
    for owner in sorted(tree.owners, key=lambda owner: owner != "monolith"):
        drills += of_database(owner)
    for name in tree.processes():
        drills += of_process(name)
    if "web" in scale_of(tree):
        drills.append(ROLLING)
    drills.append(STORM)
    if tree.topics:
        drills += [*MESSAGES, *BROKER_CUT]
    drills += NETWORK
    if "facade" in tree.processes():
        drills.append(WEB_RESET)
    return {drill.name: drill for drill in drills}


def chosen(tree, names, every):
    """{name: Drill} of those with these names, of every one, or else of those that stop a
    component; with the control, which they are compared with."""
    drills = drills_of(tree)
    for name in names:
        if name not in drills:
            raise Failed(f"there is no drill {name}; there are: {', '.join(drills)}", 2)
    return {
        name: drill
        for name, drill in drills.items()
        if every or drill is CONTROL or (name in names if names else drill.component)
    }

"""The drills of the processes of a step."""

from functools import partial

from tools.lab.experiment import faults
from tools.lab.experiment.hypothesis import (
    IDENTIFIED,
    IDENTITY,
    IN_MEMORY,
    JOURNEYS,
    LONG,
    MAILS,
    PAID,
    PENDING,
    RECOMMENDED,
    SALE,
    SHORT,
    SIGNED_IN,
    SOLD,
    STAYS,
    Drill,
)
from tools.lab.ground.failed import Failed
from tools.lab.measure.judge import LOST

GONE = 0.25  # seconds from a kill: half a second later it is started again
# what does not simply work while a process is killed and starts again, is stopped, or is paused
KILLED = {
    "web": (("00-01", "fails", JOURNEYS), ("02-02", "fails", (*SIGNED_IN, "confirmation mail"))),
    "facade": (("02-", "fails", JOURNEYS),),
    "relay": (),
    # Kafka gives the partitions of a dead consumer to the next one after 10 s
    "worker": (
        ("06-06", "later", MAILS),
        (PENDING, "later", ("confirmation mail",)),
        (SOLD, "works", ("confirmation mail",)),
    ),
    "accounts-web": (),
    "accounts-relay": (),
    "bookings-web": (),
    "bookings-relay": (),
    "bookings-worker": ((SOLD, "later", ("confirmation mail",)),),
    "notifications-worker": (("07-", "later", MAILS),),
    "payments-web": (),
    "payments-worker": ((PAID, "later", ("confirmation mail",)),),
    "recommendations-web": (),
    "recommendations-worker": (),
}
STOPPED = {
    **KILLED,
    "web": (("00-", "fails", JOURNEYS), *STAYS),
    "accounts-web": ((IDENTIFIED, "later", IDENTITY),),
    "accounts-relay": ((IDENTIFIED, "later", ("welcome mail",)),),
    "bookings-web": ((SOLD, "later", SALE),),
    "bookings-relay": ((SOLD, "later", ("confirmation mail",)),),
    "payments-web": ((PAID, "later", ("my payments",)),),
    "recommendations-web": ((RECOMMENDED, "later", ("recommendations",)),),
    "relay": (
        ("06-", "later", MAILS),
        (IDENTIFIED, "works", ("welcome mail",)),
        (SOLD, "works", ("confirmation mail",)),
    ),
}
PAUSED = {
    **STOPPED,
    "web": (("00-02", "later", JOURNEYS),),
    "facade": (("02-", "later", JOURNEYS),),
    "payments-web": ((PAID, "later", ("my payments",)),),
}
KILL_HYPOTHESES = {
    "web": "Until step 01 nothing works until it runs again; at step 02 the facade waits for it, "
    "but everybody is signed out; from step 03 on the other instance serves everybody.",
    "facade": "Nothing works until it runs again, within a second or two.",
    "relay": "Everything works; the next relay publishes what was recorded.",
    "worker": "Everything works. At step 06 mail, and from step 10 to step 12 pending bookings, "
    "wait until Kafka counts the dead consumer out.",
    "accounts-web": "Everything works. The facade waits for it.",
    "accounts-relay": "Everything works; the next relay publishes what was recorded.",
    "bookings-web": "Everything works. The facade waits for it.",
    "bookings-relay": "Everything works; the next relay publishes what was recorded.",
    "bookings-worker": "Everything works. Pending bookings wait until Kafka counts the dead "
    "consumer out.",
    "notifications-worker": "Everything works. Mail waits until Kafka counts the dead consumer "
    "out.",
    "payments-web": "Everything works. The facade waits for it.",
    "payments-worker": "Everything works. Pending bookings wait until Kafka counts the dead "
    "consumer out.",
    "recommendations-web": "Everything works. From step 09 on the facade waits for it.",
    "recommendations-worker": "Everything works. Recommendations are as old as the last message "
    "that it processed.",
}
STOP_HYPOTHESES = {
    "web": "Nothing works, but from step 09 on recommendations, from step 11 on the list of "
    "payments, from step 12 on registering and signing in, and from step 13 on the sale. The "
    "facade lets requests wait for up to 8 s, and this takes longer.",
    "facade": "Nothing works.",
    "relay": "Everything works. Messages are published, and mail comes, when it runs again.",
    "worker": "Everything works. At step 06 mail comes when it runs again; from step 07 on "
    "another process sends it. From step 10 to step 12 bookings stay pending until the worker runs "
    "again.",
    "accounts-web": "Who registers, signs in or signs out waits until it runs again, for up to "
    "8 s.",
    "accounts-relay": "Everything works. The welcome mail comes when it runs again, and other "
    "processes learn who has signed out.",
    "bookings-web": "Who looks at seats, holds, books or cancels waits until it runs again, for up "
    "to 8 s.",
    "bookings-relay": "Everything works. Bookings stay pending until it runs again.",
    "bookings-worker": "Everything works. Bookings stay pending, and new events have no seats, "
    "until it runs again.",
    "notifications-worker": "Everything works. Mail comes when it runs again.",
    "payments-web": "Lists of payments wait until it runs again, for up to 8 s.",
    "payments-worker": "Everything works. Bookings stay pending, and nothing is refunded, until it "
    "runs again.",
    "recommendations-web": "At step 08 everything works: nobody is sent there. From step 09 on "
    "recommendations wait until it runs again, for up to 8 s.",
    "recommendations-worker": "Everything works. Recommendations stay as they are until it runs "
    "again.",
}
PAUSE_HYPOTHESES = {
    **STOP_HYPOTHESES,
    "web": "Until step 02 everything waits until it goes on; from step 03 on the facade notices "
    "within 3 s, and the other instance serves everybody.",
    "facade": "Everything waits until it goes on.",
    "accounts-web": "Who registers, signs in or signs out waits until it goes on.",
    "bookings-web": "Who looks at seats, holds, books or cancels waits until it goes on.",
    "payments-web": "Who lists payments waits until it goes on.",
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
            visit_after=GONE,
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
    lasts=LONG,
    visit_after=4.0,
    stays=False,
)

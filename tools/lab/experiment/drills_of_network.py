"""The drills of the network between processes: each needs a system with proxies."""

from functools import partial

from tools.lab.experiment.drills_of_services import IS_PENDING, NO_PROVIDER
from tools.lab.experiment.hypothesis import (
    BY_MESSAGE,
    LONG,
    MAILS,
    READS,
    STAYS,
    WRITES,
    Drill,
)
from tools.lab.experiment.proxied import Proxied, ProxiedDatabases, disturbed

BROKER_CUT = (
    Drill(
        "broker-cut",
        "All connections to Kafka are closed, and new ones refused, though it runs",
        "Everything works. Mail comes later, when Kafka can be reached again.",
        partial(disturbed, name="kafka", toxic="down"),
        "./lab logs relay: it cannot connect, though ./lab ps shows that kafka runs",
        ((BY_MESSAGE, "later", MAILS),),
        kind=Proxied,
    ),
    Drill(
        "broker-reset",
        "Every connection to Kafka is reset as soon as it is open",
        "Everything works. Mail comes later, when connections to Kafka last again.",
        partial(disturbed, name="kafka", toxic="reset"),
        "./lab logs relay: connections end, though ./lab ps shows that kafka runs",
        ((BY_MESSAGE, "later", MAILS),),
        kind=Proxied,
    ),
)
PROVIDER_CUT = Drill(
    "provider-cut",
    "Nothing that is sent to the payment provider arrives, and connections stay open",
    "Until step 09 nobody can book or cancel, and until step 05 nobody can register either, "
    f"since the provider is asked in the request. Nobody pays for nothing. {IS_PENDING}",
    partial(disturbed, name="payments-sandbox", toxic="hang"),
    "./lab logs web (at step 10 worker, then payments-worker): the payment provider timed out, "
    "though ./lab ps shows that it runs",
    NO_PROVIDER,
    lasts=LONG,  # the shop waits for 8 s
    kind=Proxied,
)
WEB_RESET = Drill(
    "web-reset",
    "Every connection between the facade and web is reset",
    "At first, what changes something fails, since nobody knows whether it was done; reads are "
    "repeated. Within a second the facade knows, and lets every request wait for up to 8 s.",
    partial(disturbed, name="web", toxic="reset"),
    "./lab logs facade: connections are reset, though ./lab ps shows that web runs",
    (("02-", "later", READS), ("02-", "fails", (*WRITES, *MAILS)), *STAYS),
    kind=Proxied,
)
DATABASE_SLOW = Drill(
    "database-slow",
    "Every answer of the database comes 50 ms later, as from another region",
    "Everything works, and takes longer: 50 ms for each statement of a request.",
    partial(disturbed, name="postgres", toxic="latency", directions=["downstream"], latency=50),
    "./lab logs web: every request that needs the database takes 100 ms and more",
    kind=ProxiedDatabases,
)

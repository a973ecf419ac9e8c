"""Trouble for a running system at random times, and its end."""

import signal
import threading
import time
from contextlib import suppress

import psutil

from tools.lab.look.payments import turn

STOPPED = 5.0  # seconds
DARK = 8.0
# that an instance is killed: the supervisor does not start again what dies five times in a minute
TIMES = 3
SLOW = 100  # milliseconds for each answer of the provider, so that kills hit what waits for one
# answers of a mail server to one recipient: some are for now, some for ever
CODES = (450, 451, 452, 501, 504, 552, 554, 556)
TYPES = {
    "accounts": ("account.registered", "session.ended"),
    "catalog": ("event.scheduled",),
    "bookings": (
        "booking.requested",
        "booking.confirmed",
        "booking.declined",
        "booking.cancelled",
    ),
    "payments": ("payment.authorised", "payment.declined", "payment.refunded"),
}


class Trouble:
    """What happens to a system within so many seconds, decided by random: every process of the step
    is killed, an instance of web is stopped for a while, the database is dark for a while or is
    restarted without a shutdown, and there are poison messages if there are topics."""

    codes = CODES  # of the mail server, one for each visitor whose mail it refuses

    def __init__(self, system, random, seconds):
        self.system = system
        self.supervisor = system.supervisor
        self.instances = [
            name
            for name in self.supervisor.processes
            if name.split(".")[0] in system.tree.processes()
        ]
        self.acts = []
        self._plan(random, seconds)
        self.acts.sort(key=lambda act: act[0])
        self.failed = []
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _plan(self, random, seconds):
        webs = [name for name in self.instances if name.split(".")[0] == "web"]
        self._kill_each(random, 0.1 * seconds, 0.9 * seconds)
        stopped = random.choice(webs)
        self._for_a_while(
            random.uniform(0.1, 0.5) * seconds,
            STOPPED,
            f"stop {stopped}",
            lambda number: self.supervisor.kill(stopped, number),
        )
        if "postgres" in self.supervisor.processes:
            self._trouble_the_database(random, seconds)
        if self.system.tree.topics:
            self.acts.append(
                (random.uniform(0.1, 0.9) * seconds, "publish poison", self._publish_poison)
            )

    def _kill_each(self, random, since, until):
        """Kill each instance once, some time between these seconds."""
        self.acts += [
            (random.uniform(since, until), f"kill {name}", self._killing(name))
            for name in self.instances
        ]

    def _trouble_the_database(self, random, seconds):
        at = random.uniform(0.1, 0.5) * seconds
        if random.random() < 0.5:
            self._for_a_while(at, DARK, "stop the database", self._signal_database)
        else:
            self.acts.append((at, "restart the database", self._restart_database))

    def _for_a_while(self, at, seconds, name, send):
        self.acts += [
            (at, name, lambda: send(signal.SIGSTOP)),
            (at + seconds, f"{name}: over", lambda: send(signal.SIGCONT)),
        ]

    def _killing(self, name):
        return lambda: self.supervisor.kill(name)

    def _signal_database(self, number):
        """The server and all its sessions: each of them is a process group of its own."""
        process = self.supervisor.find("postgres")
        if not process.running:
            return
        with suppress(psutil.NoSuchProcess):
            server = psutil.Process(process.popen.pid)
            for each in [server, *server.children(recursive=True)]:
                with suppress(psutil.NoSuchProcess):
                    each.send_signal(number)

    def _restart_database(self):
        """In immediate mode: the server ends its sessions, writes nothing, and is started again."""
        self.supervisor.kill("postgres", signal.SIGQUIT)

    def _publish_poison(self):
        from tools.lab.measure import poison  # Kafka's client takes a while to import

        address = self.system.settings["KAFKA_BOOTSTRAP_SERVERS"]
        poison.publish(address, {name: TYPES[name] for name in self.system.tree.topics})

    def start(self, began):
        """began is the time.monotonic() from which the acts have their times."""
        self.began = began
        self.thread.start()

    def _run(self):
        for at, name, act in self.acts:
            time.sleep(max(0.0, self.began + at - time.monotonic()))
            try:
                act()
            except Exception as error:  # the thread must go on: it also ends what it has stopped
                self.failed.append(f"{name}: {error}")

    def end(self):
        """Wait until the last act is over; the time at which the system could begin to mend."""
        self.thread.join()
        for name in self.supervisor.processes:
            self.supervisor.kill(name, signal.SIGCONT)
        if "postgres" in self.supervisor.processes:
            self._signal_database(signal.SIGCONT)
        return time.monotonic()


class Kills(Trouble):
    """Each instance of every process is killed TIMES times, while the payment provider is a little
    slow; nothing else happens."""

    codes = ()

    def _plan(self, random, seconds):
        for number in range(TIMES):
            self._kill_each(random, number * seconds / TIMES, (number + 1) * seconds / TIMES)
        self.acts += [
            (0.0, "slow the provider down", lambda: self._delay(SLOW)),
            (seconds, "slow the provider down: over", lambda: self._delay(0)),
        ]

    def _delay(self, milliseconds):
        turn(f"{self.system.settings['STRIPE_API_BASE']}/_sandbox", {"latency_ms": milliseconds})


def refuse_recipients(system, addresses):
    """Have the mail catcher refuse each address with a code of CODES; [] ends that."""
    codes = {address: CODES[number % len(CODES)] for number, address in enumerate(addresses)}
    turn(f"{system.mail_url}/_knobs", {"recipients": codes})

"""The one running system that the tests of a session share: mended and put back for each of them.

A test finds it as if it had just been started: every process runs, nothing is on its way, the rows
are those of the sample, the mail catcher is empty, and money and messages count from then on."""

import psycopg

from tools.lab.ground import waiting
from tools.lab.ground.failed import Failed
from tools.lab.look import mail, payments
from tools.lab.look.running import Running
from tools.lab.testing.tables import Tables

SETTLED_WITHIN = 15.0  # seconds
CALM = {
    "latency_ms": 0,
    "refuse": False,
    "hang": False,
    "silent": False,
    "drop_after": 0,
    "processing": False,
}
QUIET = {"refuse": False, "hang": False, "drop_after": 0, "recipients": {}}


class Whole:
    """Runs the step's processes beside the backing services of a system that is prepared.

    The sample's databases are kept, so that a system that cannot be mended is replaced by a new one
    on the same services."""

    def __init__(self, system):
        self.system = system
        self.tables = []
        self.samples = {}
        self.flow = None
        self.is_seeded = False
        self.broken = True

    def healed(self, **scale):
        """The system as a test finds it, with as many instances of a process as scale says."""
        try:
            self._heal(scale)
        except (Failed, AssertionError, OSError, psycopg.Error):
            return self.renew(**scale)
        return self._running()

    def renew(self, **scale):
        """Start a new system on the same services."""
        self.broken = True
        if self.is_seeded:
            self._begin_again()
        else:
            self._begin()
        self.system.scale = scale
        self.system.start_processes()
        self._wait_until_settled()
        servers = self.system.servers
        self.tables = [Tables(server, owner) for owner, server in servers.items()]
        self.broken = False
        return self._running()

    def give_up(self):
        """Let the next test have a new system, whatever state this one is in."""
        self.broken = True
        self.mend()

    def mend(self):
        """Start what a test has stopped, and turn its knobs back; the rest waits until somebody
        needs the system."""
        system = self.system
        system.supervisor.mend()
        for server in system.servers.values():
            waiting.eventually(server.is_ready, within=30)
        for process in system.supervisor.processes.values():
            if process.name in ("kafka", "mail", "payments-sandbox"):
                waiting.eventually(lambda port=process.port: waiting.is_listening(port), within=30)
        if "payments-sandbox" in system.supervisor.processes:
            payments.turn(f"{system.settings['STRIPE_API_BASE']}/_sandbox", CALM)
        if "mail" in system.supervisor.processes:
            payments.turn(f"{system.mail_url}/_knobs", QUIET)

    def _running(self):
        return Running(self.system, self.flow.ends() if self.flow else {})

    def _begin(self):
        """Seed the sample, and keep it for later systems; forget what tests without a system have
        charged."""
        self._forget()
        self.system.load_sample()
        for owner, server in self.system.servers.items():
            self.samples[owner] = server.keep(owner, "sample")
        if self.system.tree.topics:
            # Kafka's client takes a while to import, and most steps do without
            from tools.lab.look.flow import Flow

            self.flow = Flow(self.system)
        self.is_seeded = True

    def _begin_again(self):
        """Put databases and topics back to where the sample was seeded."""
        self.system.stop_processes()
        self.mend()
        self._forget()
        for owner, server in self.system.servers.items():
            server.drop(owner)
            server.create(owner, template=self.samples[owner])
        if self.flow:
            self.flow.begin_again()

    def _heal(self, scale):
        if self.broken:
            raise Failed("there is no system to mend")
        self.mend()
        if scale != self.system.scale:
            self.system.scale = scale
            self.system.start_processes()
        self.system.wait_ready()
        self._wait_until_settled()
        for tables in self.tables:
            tables.put_back()
        self._forget()

    def _forget(self):
        """Empty the mail catcher and the payment sandbox, where they are ours."""
        system = self.system
        if "mail" in system.supervisor.processes:
            mail.clear(system.mail_url)
        if "payments-sandbox" in system.supervisor.processes:
            payments.clear(system.settings["STRIPE_API_BASE"])

    def _wait_until_settled(self):
        """Wait until everything recorded is published, and everything published is consumed."""
        if self.flow:
            waiting.eventually(self.flow.is_settled, within=SETTLED_WITHIN)

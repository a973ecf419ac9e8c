"""What a step still does while one of its components is stopped, and what it does later:
`./lab break`."""

import secrets

from rich.table import Table

from tools.lab.ground.waiting import eventually
from tools.lab.look.running import Running
from tools.lab.system.state import temporary_state
from tools.lab.system.system import System

MAILED_WITHIN = 5.0  # seconds, while the component is stopped
BESIDE = ("mail", "payments-sandbox")
SECONDS_EACH = 25
LATER_WITHIN = 60.0  # seconds after it has started again


def run(out, tree):
    """Stop each component in turn, print a table, and return {component: {"works": [journey, ...],
    "later": [...], "fails": [...]}}."""
    components = len(tree.processes()) + len(tree.owners) + len(BESIDE) + bool(tree.topics)
    minutes = max(1, round(components * SECONDS_EACH / 60))
    out.print(
        f"Stops {components} components, one after the other: about {minutes} min.", style="dim"
    )
    figures = {}
    with temporary_state(tree) as state:
        system = System(
            tree,
            state,
            seed=(20, 30),
            show=lambda name, line: None,
            progress=lambda line: out.print(f"{line} ...", style="dim"),
        )
        try:
            running = Running(system.start())
            for component in list(system.supervisor.processes):
                out.print(f"without {component} ...", style="dim")
                figures[component] = without(running, component)
        finally:
            if system.supervisor:
                system.stop()
    table = Table("without", "works", "later", "fails", box=None)
    for component, each in figures.items():
        table.add_row(component, *(", ".join(each[kind]) for kind in ("works", "later", "fails")))
    out.print(table)
    return figures


def without(running, component):
    """How each journey ends while the component is stopped."""
    visit = Visit(running)
    running.stop(component)
    ended = {
        name: "works" if journey() in (200, 201, 202) else "fails"
        for name, journey in visit.journeys().items()
    }
    caused = [
        name
        for name, cause in {"welcome mail": "register", "confirmation mail": "book"}.items()
        if ended[cause] == "works"
    ]
    ended |= dict.fromkeys(("welcome mail", "confirmation mail"), "fails")
    ended |= {
        name: "works"
        for name in caused
        if arrives(lambda name=name: visit.mailed(name), MAILED_WITHIN)
    }
    running.system.supervisor.start(component)
    running.wait_ready()
    ended |= {
        name: "later"
        for name in caused
        if ended[name] == "fails" and arrives(lambda name=name: visit.mailed(name), LATER_WITHIN)
    }
    return {
        kind: [name for name, how in ended.items() if how == kind]
        for kind in ("works", "later", "fails")
    }


def arrives(check, within):
    try:
        return bool(eventually(check, within=within))
    except AssertionError:
        return False


class Visit:
    """A customer with a hold and a booking from before the component stops, who then tries each
    journey."""

    def __init__(self, running):
        self.running = running
        self.fan = running.sign_in("fan@encore.example")
        self.email = f"{secrets.token_hex(6)}@encore.example"
        self.event, free = next(
            found
            for found in map(self.free, self.ask("GET", "/api/events").json["items"])
            if len(found[1]) > 2
        )
        self.seat = free[2]
        self.held, other = (self.hold(seat).json["id"] for seat in free[:2])
        # the component that was stopped before may need a while to work again
        self.booked = eventually(lambda: self.book(other).json.get("id"), within=30)
        eventually(
            lambda: self.ask("GET", f"/api/bookings/{self.booked}").json["status"] == "confirmed"
        )
        self.booking = None

    def ask(self, *arguments, **more):
        return self.fan.request(*arguments, **more)

    def free(self, event):
        return event["id"], [
            seat["id"]
            for seat in self.ask("GET", f"/api/events/{event['id']}/seats").json["items"]
            if seat["status"] == "free"
        ]

    def hold(self, seat):
        return self.ask("POST", f"/api/events/{self.event}/holds", json={"seats": [seat]})

    def book(self, hold):
        return self.ask(
            "POST", "/api/bookings", json={"hold_id": hold, "payment_method": "pm_card_visa"}
        )

    def journeys(self):
        """{name: a function that tries it and returns the status of the answer}"""
        account = {"email": self.email, "password": "correct horse", "name": "Ada"}
        known = {
            "email": "fan@encore.example",
            "password": self.running.system.to_run()["FAN_PASSWORD"],
        }
        return {
            "browse": lambda: self.ask("GET", "/api/events").status,
            "seats": lambda: self.ask("GET", f"/api/events/{self.event}/seats").status,
            "register": lambda: (
                self.running.client().request("POST", "/api/accounts", json=account).status
            ),
            "sign in": lambda: (
                self.running.client().request("POST", "/api/sessions", json=known).status
            ),
            "hold": lambda: self.hold(self.seat).status,
            "book": self.buy,
            "cancel": lambda: self.ask("POST", f"/api/bookings/{self.booked}/cancellation").status,
            "my bookings": lambda: self.ask("GET", "/api/bookings").status,
            "my payments": lambda: (
                self.ask("GET", f"/api/payments?booking_id={self.booked}").status
            ),
            "recommendations": lambda: self.ask("GET", "/api/recommendations").status,
        }

    def buy(self):
        answer = self.book(self.held)
        self.booking = answer.json.get("id")
        return answer.status

    def mailed(self, which):
        """Whether this mail has arrived: the welcome mail, or the one of the last booking."""
        if which == "welcome mail":
            return self.running.mails(to=self.email)
        return any(
            self.booking in mail["text"] for mail in self.running.mails(to="fan@encore.example")
        )

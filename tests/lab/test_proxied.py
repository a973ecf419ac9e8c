"""With proxies in between, every process of a step reaches the others only through them."""

from contextlib import suppress

import psutil
import pytest

from tools.lab.experiment.proxied import ProxiedDatabases, add_listener, disturbed
from tools.lab.ground.tree import HERE
from tools.lab.ground.waiting import eventually, is_listening
from tools.lab.look.running import Running
from tools.lab.measure.drill import buys
from tools.lab.system.state import temporary_state

DATABASES = {"postgres" if each == "monolith" else f"postgres-{each}" for each in HERE.owners}
SERVING = {name for name in HERE.processes() if HERE.serves(name)}
SERVERS = {"kafka", "mail", "payments-sandbox", *DATABASES, *SERVING}
AGAIN_WITHIN = 60.0  # seconds


@pytest.fixture(scope="module")
def system():
    with temporary_state(HERE) as state:
        system = ProxiedDatabases(
            HERE, state, seed=(4, 12), durable=False, show=lambda name, line: None
        )
        try:
            yield system.start()
        finally:
            system.stop(at_once=True)


def connections(system):
    """{(process of the step, port that it is connected to)}"""
    found = set()
    for name, process in system.supervisor.processes.items():
        pid = process.facts()["pid"]
        if name.split(".")[0] in system.tree.processes() and pid:
            with suppress(psutil.NoSuchProcess):  # it has ended, and starts again
                parent = psutil.Process(pid)
                for each in (parent, *parent.children(recursive=True)):
                    found |= {(name, to.raddr.port) for to in each.net_connections() if to.raddr}
    return found


def test_every_server_has_a_proxy_and_nobody_goes_past_it(system):
    assert buys(Running(system))
    ports = {name: system.supervisor.find(name).port for name in SERVERS}
    kafka = int(system.settings["KAFKA_BOOTSTRAP_SERVERS"].rpartition(":")[2])

    found = connections(system)

    assert set(system.proxies) == SERVERS
    assert not {port for _, port in found} & {*ports.values(), kafka}
    used = {
        name for name, proxy in system.proxies.items() if proxy.port in dict(map(reversed, found))
    }
    assert used >= {"kafka", *DATABASES}


def holds_back(system, name):
    """Whether something waits in a proxy, or nobody is connected to it."""
    proxy = system.proxies[name]
    is_waiting = any(end.size for end in list(proxy.ends))
    return is_waiting or proxy.port not in {port for _, port in connections(system)}


@pytest.mark.parametrize("toxic", ["reset", "down", "hang"])
def test_a_cut_between_broker_and_clients_delays_messages_and_the_lab_goes_past_it(system, toxic):
    running = Running(system)
    account = {"email": f"{toxic}@cut.example", "password": "correct horse", "name": "Ada"}

    with disturbed(system, "kafka", toxic):
        answer = running.client().request("POST", "/api/accounts", json=account)
        assert eventually(lambda: holds_back(system, "kafka"))
        known = running.events("accounts")

    assert answer.status == 201
    assert known
    assert account["email"] not in {each["data"].get("email") for each in known}
    assert eventually(lambda: running.mails(to=account["email"]), within=AGAIN_WITHIN)


def test_a_cut_of_one_server_leaves_the_others_alone(system):
    with disturbed(system, "web", "down"):
        refused = Running(system).request("GET", "/api/events").status
        others = [proxy.port for name, proxy in system.proxies.items() if name != "web"]
        listening = [is_listening(port) for port in others]

    assert refused == 503
    assert all(listening)
    assert eventually(lambda: Running(system).request("GET", "/api/events").status == 200)


# the last that uses the system
def test_a_proxied_system_stops_while_a_proxy_hangs(system):
    system.proxies["postgres"].set("hang")
    system.proxies["kafka"].set("down")

    system.stop()

    assert system.proxies == {}


def test_a_second_listener_has_the_address_of_the_proxy(tmp_path):
    path = tmp_path / "server.properties"
    path.write_text(
        "listeners=PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2\n"
        "advertised.listeners=PLAINTEXT://127.0.0.1:1\n"
        "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\n"
    )

    add_listener(path, 3, 4)

    assert path.read_text().splitlines() == [
        "listeners=PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2,PROXIED://127.0.0.1:3",
        "advertised.listeners=PLAINTEXT://127.0.0.1:1,PROXIED://127.0.0.1:4",
        "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT",
    ]

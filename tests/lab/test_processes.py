import signal
import sys

import pytest

from tools.lab.ground.waiting import eventually
from tools.lab.system import processes
from tools.lab.system.processes import Process, Supervisor


@pytest.fixture
def shown():
    return []


@pytest.fixture
def supervisor(shown):
    supervisor = Supervisor(lambda name, line: shown.append(line))
    yield supervisor
    supervisor.stop_all()


@pytest.fixture
def run(supervisor, shown, tmp_path):
    def run(name, code, **more):
        process = Process(
            name,
            [sys.executable, "-c", code],
            environment={},
            log=tmp_path / f"{name}.log",
            show=supervisor.show,
            **more,
        )
        supervisor.add(process)
        return process

    return run


def test_a_process_that_dies_is_started_again_after_a_pause_with_its_last_lines_shown(
    supervisor, run, shown
):
    process = run("sleeper", "import time; print('so tired', flush=True); time.sleep(1000)")
    eventually(lambda: "so tired" in shown)

    process.popen.send_signal(signal.SIGKILL)

    eventually(lambda: process.starts == 2)
    assert "ended with signal SIGKILL; its last lines:" in shown
    assert "  so tired" in shown
    assert any(line.startswith("starting again in 0.5 s") for line in shown)


def test_the_pause_grows_and_one_that_dies_five_times_within_a_minute_is_left(
    supervisor, run, shown, monkeypatch
):
    monkeypatch.setattr(processes, "FIRST_PAUSE", 0.01)
    other = run("sleeper", "import time; time.sleep(1000)")

    mayfly = run("mayfly", "import sys; sys.exit(3)")

    eventually(supervisor.failures, within=20)
    assert [each["state"] for each in supervisor.facts()] == ["running", "failed"]
    assert (supervisor.exit_code, mayfly.starts, other.starts) == (1, 5, 1)
    assert [line for line in shown if line.startswith("starting")] == [
        f"starting again in {pause} s" for pause in ("0.0", "0.0", "0.0", "0.1")
    ]
    assert "5 deaths within 60 s: left stopped" in shown


def test_a_process_that_is_stopped_stays_stopped(supervisor, run):
    process = run("sleeper", "import time; time.sleep(1000)")

    supervisor.stop("sleeper")

    assert not process.running
    assert supervisor.facts()[0]["state"] == "stopped"
    supervisor.start("sleeper")
    assert process.running


def test_a_process_that_was_halted_is_stopped_all_the_same(supervisor, run):
    process = run("sleeper", "import time; time.sleep(1000)")
    supervisor.kill("sleeper", signal.SIGSTOP)

    supervisor.stop("sleeper")

    assert not process.running


def test_what_is_dropped_is_killed_unless_it_has_a_signal_of_its_own_to_stop_with(
    supervisor, run, shown
):
    wait = (
        "import time\ntry: print('ready', flush=True); time.sleep(1000)\nfinally: "
        "print('ended in order', flush=True)"
    )
    dropped = [
        run(
            "usual",
            f"import signal; signal.signal(signal.SIGTERM, signal.default_int_handler)\n{wait}",
        ),
        run("own", wait, stop_with=signal.SIGINT),
    ]
    eventually(lambda: shown.count("ready") == 2)

    supervisor.stop_all(at_once=True)

    assert [process.running for process in dropped] == [False, False]
    assert shown.count("ended in order") == 1


def test_one_that_ignores_sigterm_is_killed_with_its_children(supervisor, run, shown):
    process = run(
        "stubborn",
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', "
        "flush=True); time.sleep(1000)",
        patience=0.2,
    )
    eventually(lambda: "ready" in shown)

    supervisor.stop("stubborn")

    assert not process.running
    assert "does not stop: killed" in shown

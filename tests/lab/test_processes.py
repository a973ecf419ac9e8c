import os
import platform
import re
import signal
import sys
import threading

import psutil
import pytest

from tools.lab.ground.tree import HERE
from tools.lab.ground.waiting import eventually
from tools.lab.system import processes, system
from tools.lab.system.leftovers import group_lives, has_stopped
from tools.lab.system.processes import Process, Supervisor

# the system call of Linux that ends one thread
EXIT_THREAD = {"x86_64": 60, "aarch64": 93}.get(platform.machine())


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


def test_what_is_stopped_twice_is_sent_no_second_signal(supervisor, run, monkeypatch):
    run("sleeper", "import time; time.sleep(1000)")
    supervisor.stop("sleeper")
    sent = []
    monkeypatch.setattr(os, "killpg", lambda pid, number: sent.append((pid, number)))

    supervisor.stop("sleeper")
    supervisor.kill("sleeper")

    assert sent == []


def test_an_exception_in_a_preparation_is_shown_and_supervision_goes_on(
    supervisor, run, shown, monkeypatch
):
    monkeypatch.setattr(processes, "FIRST_PAUSE", 0.01)
    troubles = [ValueError("no room"), OSError("no room either")]
    other = run("other", "import time; time.sleep(1000)")

    late = run("late", "import time; time.sleep(1000)", prepare=lambda: trouble(troubles))
    eventually(lambda: late.running)
    other.popen.kill()

    eventually(lambda: other.starts == 2)
    assert "  late cannot be started: no room" in shown
    assert "  late cannot be started: no room either" in shown


def trouble(troubles):
    if troubles:
        raise troubles.pop(0)


def test_trouble_with_showing_a_line_ends_no_supervision(tmp_path):
    supervisor = Supervisor(lambda name, line: 1 / 0)
    code = "print('loud', flush=True); import time; time.sleep(1000)"
    options = {"environment": {}, "log": tmp_path / "loud.log", "show": supervisor.show}
    process = Process("loud", [sys.executable, "-c", code], **options)
    supervisor.add(process)

    process.popen.kill()

    eventually(lambda: process.starts == 2)
    supervisor.stop_all()


def test_a_command_that_is_not_there_fails_at_once(supervisor, run, tmp_path):
    options = {"environment": {}, "log": tmp_path / "nothing.log", "show": supervisor.show}

    supervisor.add(Process("nothing", ["/no/such/program"], **options))

    assert [process.name for process in supervisor.failures()] == ["nothing"]
    assert supervisor.exit_code == 2


def test_one_that_failed_runs_again_once_it_is_started(supervisor, run, tmp_path):
    repaired = tmp_path / "repaired"
    code = f"import os, sys, time; os.path.exists({str(repaired)!r}) or sys.exit(2); time.sleep(99)"
    process = run("web", code)
    eventually(supervisor.failures)
    repaired.touch()

    supervisor.start("web")

    assert process.running
    assert supervisor.exit_code == 0


def test_others_are_looked_after_while_one_takes_its_time_to_stop(supervisor, run, shown):
    wait = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', "
    run("slow", f"{wait}flush=True); time.sleep(1000)", patience=30)
    other = run("other", "import time; time.sleep(1000)")
    eventually(lambda: "ready" in shown)
    stopping = threading.Thread(target=supervisor.stop, args=["slow"])

    stopping.start()
    eventually(lambda: supervisor.facts()[0]["state"] == "stopping")
    other.popen.kill()

    eventually(lambda: other.starts == 2)
    supervisor.kill("slow")
    stopping.join()
    assert supervisor.facts()[0]["state"] == "stopped"


def test_all_that_a_process_printed_is_shown_once_it_has_stopped(supervisor, run, shown):
    code = "import time\ntry: print('ready', flush=True); time.sleep(1000)\nfinally: print(*range("
    run("talker", f"{code}5000), sep='\\n', end='')", stop_with=signal.SIGINT)
    eventually(lambda: "ready" in shown)

    supervisor.stop("talker")

    assert [line for line in shown if line.isdigit()] == [str(number) for number in range(5000)]


def test_a_command_that_runs_once_answers_its_exit_code(supervisor, tmp_path, shown):
    options = {"environment": {}, "log": tmp_path / "release.log", "show": supervisor.show}
    command = [sys.executable, "-c", "import sys; print('no database'); sys.exit(3)"]

    assert supervisor.run_once(Process("release", command, once=True, **options)) == 3

    assert shown == ["no database"]
    assert supervisor.facts() == []


def test_the_steps_own_processes_have_the_time_that_their_servers_allow():
    settings = [HERE.path / name for name in ("monolith/serve.py", "kit/server.py")]
    text = "".join(path.read_text() for path in settings)
    allowed = re.search(r"graceful_timeout\W+(\d+)", text)

    assert int(allowed[1]) < system.PATIENCE


@pytest.mark.skipif(
    sys.platform != "linux" or not EXIT_THREAD,
    reason="the number of the system call is not known here",
)
def test_a_process_lives_until_its_last_thread_has_ended(supervisor, run):
    code = (
        "import ctypes, threading, time\n"
        "threading.Thread(target=time.sleep, args=[1000]).start()\n"
        "print('ready', flush=True)\n"
        f"ctypes.CDLL(None).syscall({EXIT_THREAD}, 0)"
    )
    pid = run("first thread ends", code).popen.pid

    eventually(lambda: psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)

    assert group_lives(pid)
    supervisor.kill("first thread ends")
    assert not group_lives(pid)


def test_a_process_that_is_halted_runs_no_thread_any_more(supervisor, run):
    code = (
        "import threading, time\n"
        "for _ in range(30): threading.Thread(target=time.sleep, args=[1000]).start()\n"
        "print('ready', flush=True)\n"
        "while True: pass"
    )
    process = run("busy", code)
    eventually(lambda: "ready" in process.last_lines)

    for _ in range(20):
        supervisor.kill("busy", signal.SIGSTOP)

        assert has_stopped(process.popen.pid)
        supervisor.kill("busy", signal.SIGCONT)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere shared pages are not known")
def test_memory_that_processes_share_counts_once(run, shown):
    process = run(
        "parent",
        "import os, time\n"
        "own = bytearray(os.urandom(64_000_000))\n"
        "for _ in range(3):\n"
        "    if not os.fork():\n"
        "        break\n"
        "print('forked', flush=True)\n"
        "time.sleep(60)\n",
    )
    eventually(lambda: shown.count("forked") == 4)

    assert 64e6 < processes.memory(process.popen.pid) < 128e6

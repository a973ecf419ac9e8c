"""`./lab up` as a foreground program: nobody reads, keys are pressed, the terminal goes away."""

import os
import signal

import pytest

from tests.lab.ended import gone
from tools.lab.cli import terminal
from tools.lab.cli.terminal import Patient
from tools.lab.ground.waiting import eventually

CTRL_C = b"\x03"
MORE_THAN_A_PIPE_HOLDS = 300  # requests, each with a line of a kilobyte


def everybody(lab):
    """The ids of a running lab's processes, with the lab's own."""
    return [lab.state()["pid"], *lab.children().values()]


def ask_often(lab):
    """Have the shop print more than anybody keeps who does not read; answers who answered."""
    return {lab.get(f"/{'x' * 1000}") for _ in range(MORE_THAN_A_PIPE_HOLDS)}


@pytest.mark.parametrize("pipe", ["", "| sleep 1000", "| tee printed"], ids=["alone", "-", "tee"])
def test_where_nobody_reads_the_shop_answers_and_ctrl_c_ends_all(make_lab, pipe):
    lab = make_lab("web: python web.py", "worker: sleep 1000")
    shell = lab.up_in_terminal(pipe)
    pids, web = everybody(lab), lab.children()["web"]

    answered = ask_often(lab)
    shell.press(CTRL_C)

    assert answered == {str(web)}
    eventually(lambda: gone(pids), within=30)


def test_ctrl_c_twice_leaves_no_process(make_lab):
    lab = make_lab(
        "web: python web.py", "worker: sh -c 'trap \"\" TERM; while :; do sleep 1; done'"
    )
    shell = lab.up_in_terminal()
    pids = everybody(lab)

    shell.press(CTRL_C)
    shell.read(b"Stopping.")
    shell.press(CTRL_C)

    eventually(lambda: gone(pids), within=30)


def test_a_terminal_that_goes_away_ends_all(make_lab):
    lab = make_lab("web: python web.py", "worker: sleep 1000")
    shell = lab.up_in_terminal()
    pids = everybody(lab)

    shell.close()

    eventually(lambda: gone(pids), within=30)


def test_a_reader_that_ends_stops_the_lab(make_lab):
    lab = make_lab("web: python web.py", "worker: sleep 1000")
    lab.up_in_terminal("| sh -c 'until [ -e read ]; do sleep 0.1; done'")
    pids = everybody(lab)

    (lab.path / "read").touch()
    eventually(lambda: lab.is_up() == "" or gone(pids), within=30)

    eventually(lambda: gone(pids), within=30)


def test_a_suspended_lab_leaves_the_shop_open(make_lab):
    lab = make_lab("web: python web.py", "worker: sleep 1000")
    process = lab.up()
    pids = everybody(lab)
    process.send_signal(signal.SIGSTOP)

    answered = ask_often(lab)
    refused = lab("ps")
    process.send_signal(signal.SIGCONT)
    process.send_signal(signal.SIGINT)
    process.wait(30)

    assert len(answered) == 1
    assert "is suspended" in refused.stderr
    assert gone(pids)


def test_lines_that_nobody_reads_are_counted_and_the_rest_comes_whole(monkeypatch):
    monkeypatch.setattr(terminal, "KEPT", 3)
    read_end, write_end = os.pipe()
    lines = [f"{number} {'x' * 50_000}\n" for number in range(20)]

    with os.fdopen(write_end, "w") as file, os.fdopen(read_end, "rb") as reader:
        patient = Patient(file)
        for line in lines:
            patient.write(line)
        left_out = patient.left_out
        text = b""
        while b"left out here" not in text:
            text += reader.read1(1 << 20)
        patient.end()

    shown = text.decode().splitlines()
    assert left_out > 0
    assert shown[-1] == f"({left_out} lines left out here; ./lab logs has them)"
    assert {f"{line}\n" for line in shown[:-1]} <= set(lines)


def test_a_reader_that_is_gone_is_noticed():
    read_end, write_end = os.pipe()
    os.close(read_end)

    with os.fdopen(write_end, "w") as file:
        patient = Patient(file)
        patient.write("nobody\n")
        patient.end()

    assert patient.gone.is_set()

import json
import os
import signal
import subprocess
import sys

import psutil
import pytest

from tools.lab.ground.failed import Failed
from tools.lab.ground.waiting import eventually
from tools.lab.services.postgres import PostgreSQL
from tools.lab.system import leftovers
from tools.lab.system.state import clean_up, copy, lock, read, remove, running, write
from tools.lab.system.system import session_keys


@pytest.fixture
def sleeper():
    process = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


def note(state, **more):
    here = os.getpid()
    noted = {"pid": here, "created": leftovers.identity(here), "control": [1, "key"], **more}
    write(state / "running.json", noted)


@pytest.mark.parametrize("text", ["", '{"pid": 1', "[]", "null", "\x00\x00"])
def test_a_broken_file_is_named_and_taken_for_none(tmp_path, text):
    said = []
    (tmp_path / "done.json").write_text(text)

    assert read(tmp_path / "done.json", said.append) == {}
    assert "done.json is broken" in said[0]


def test_broken_keys_are_made_anew(tmp_path):
    before = session_keys(tmp_path / "keys.json")
    (tmp_path / "keys.json").write_text("")

    after = session_keys(tmp_path / "keys.json")

    assert after.keys() == before.keys()
    assert session_keys(tmp_path / "keys.json") == after != before


def test_a_file_is_written_whole_and_for_this_user_alone(tmp_path):
    write(tmp_path / "done.json", {"seed": 1})

    assert json.loads((tmp_path / "done.json").read_text()) == {"seed": 1}
    assert (tmp_path / "done.json").stat().st_mode & 0o077 == 0
    assert [path.name for path in tmp_path.iterdir()] == ["done.json"]


def test_what_runs_is_known_by_id_and_moment_of_its_start(tmp_path):
    note(tmp_path)
    assert running(tmp_path)

    note(tmp_path, created="another boot 1")

    assert running(tmp_path) is None


def test_the_identity_of_a_process_does_not_come_from_the_clock(sleeper):
    boot, ticks = leftovers.identity(sleeper.pid).split()

    assert boot == leftovers.BOOT.read_text().strip()
    assert abs(int(ticks) / os.sysconf("SC_CLK_TCK") - uptime()) < 3600
    assert leftovers.identity(os.getpid()) != leftovers.identity(sleeper.pid)


def uptime():
    return float((leftovers.PROC / "uptime").read_text().split()[0])


def test_a_state_has_one_lab_at_a_time(tmp_path):
    first = lock(tmp_path)

    with pytest.raises(Failed, match="being started or stopped in another terminal"):
        lock(tmp_path)

    first.close()
    lock(tmp_path).close()


def test_what_a_killed_lab_left_is_ended_before_another_starts(tmp_path, sleeper):
    left = [sleeper.pid, leftovers.identity(sleeper.pid), signal.SIGKILL]
    note(tmp_path, created="before", children={"sleeper": left})

    clean_up(tmp_path)

    assert sleeper.poll() == -signal.SIGKILL
    assert not (tmp_path / "running.json").exists()


def test_another_process_with_the_id_of_one_that_was_left_is_spared(tmp_path, sleeper):
    left = [sleeper.pid, "another boot 1", signal.SIGKILL]
    note(tmp_path, created="before", children={"sleeper": left})

    clean_up(tmp_path)

    assert sleeper.poll() is None


def test_the_watcher_spares_what_another_lab_has_noted(tmp_path, sleeper):
    note(tmp_path, children={"sleeper": [sleeper.pid, leftovers.identity(sleeper.pid), 9]})
    words = [str(tmp_path / "running.json"), "1", "another lab"]

    subprocess.run([sys.executable, leftovers.__file__, *words], input=b"", check=True, timeout=30)

    assert sleeper.poll() is None
    assert psutil.pid_exists(sleeper.pid)


def test_a_group_is_gone_once_its_last_process_is():
    script = "import os, time; os.fork() and os._exit(0); time.sleep(1000)"
    leader = subprocess.Popen([sys.executable, "-c", script], start_new_session=True)
    leader.wait()
    assert leftovers.group_lives(leader.pid)

    leftovers.kill_group(leader.pid)

    eventually(lambda: not leftovers.group_lives(leader.pid))


def test_a_copy_of_a_state_has_its_own_databases_and_nothing_of_a_run(tmp_path):
    of, to = tmp_path / "of", tmp_path / "to"
    home = PostgreSQL(of / "postgres", 0).home
    home.mkdir()
    (home / "rows").write_text("as seeded")
    write(of / "done.json", {"seed": 1})
    write(of / "running.json", {})

    copy(of, to)

    copied = PostgreSQL(to / "postgres", 0).home
    (copied / "rows").write_text("changed")
    assert (home / "rows").read_text() == "as seeded"
    assert read(to / "done.json") == {"seed": 1}
    assert not (to / "running.json").exists()
    for state in (of, to):
        remove(state)
    assert not copied.exists()

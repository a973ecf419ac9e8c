import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from tests.lab.ended import gone
from tools.lab.ground.waiting import eventually, free_port


def test_without_a_command_it_lists_all_and_names_the_first_to_use(make_lab):
    ended = make_lab()()

    assert "./lab up" in ended.stdout + ended.stderr
    assert "doctor" in ended.stdout + ended.stderr


def test_at_eighty_columns_every_command_has_its_whole_summary(make_lab):
    listed = make_lab()(env={"COLUMNS": "80"})

    lines = (listed.stdout + listed.stderr).splitlines()
    assert max(map(len, lines)) <= 80
    assert [line for line in lines if line.endswith("...") and "COMMAND" not in line] == []


@pytest.mark.parametrize("words", [[], ["monolith"]])
def test_sql_gives_its_options_to_psql_with_and_without_an_owner(make_lab, words):
    lab = make_lab()
    (lab.path / "migrations" / "monolith").mkdir(parents=True)
    (lab.path / "migrations" / "monolith" / "env.py").touch()
    lab.up()

    ended = lab("sql", *words, "-Atc", "select current_user", env={"PGSSLMODE": "require"})

    assert ended.stdout == "monolith\n", ended.stderr


def test_ctrl_c_is_one_line_and_exit_code_130(make_lab):
    lab = make_lab("web: python web.py")
    command = [
        sys.executable,
        "-m",
        "tools.lab",
        "run",
        "--",
        "sh",
        "-c",
        "echo on; exec sleep 1000",
    ]
    with subprocess.Popen(
        command,
        cwd=lab.path,
        env=lab.environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        process.stdout.readline()

        os.killpg(process.pid, signal.SIGINT)
        err = process.communicate(timeout=30)[1]

    assert (process.returncode, err) == (130, "lab: interrupted\n")


def test_a_terminal_that_has_only_ascii_shows_what_it_can(make_lab):
    lab = make_lab("web: python web.py", "ö-worker: sleep 1000")
    lab.environment["PYTHONIOENCODING"] = "ascii"
    lab.up()

    ended = lab("ps")

    assert ended.returncode == 0, ended.stderr
    assert "?-worker" in ended.stdout


def test_up_starts_the_processes_of_the_procfile_and_ctrl_c_stops_them(make_lab):
    lab = make_lab("web: python web.py", "worker: sleep 1000")
    process = lab.up()
    pids = lab.children().values()

    process.send_signal(signal.SIGINT)
    process.wait(30)

    assert process.returncode == 0
    assert "Stopping." in lab.printed.read_text()
    assert gone(pids)
    assert lab.state() is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_terminal_that_is_closed_leaves_no_process_behind(make_lab, number):
    lab = make_lab("web: python web.py", "worker: sleep 1000")
    process = lab.up()
    pids = lab.children().values()

    process.send_signal(number)
    process.wait(30)

    assert gone(pids)


def watcher_of(process):
    """What ends the processes of a lab that was killed."""
    started = psutil.Process(process.pid).children()
    return next(each for each in started if "tools.lab.system.leftovers" in each.cmdline())


def test_a_lab_that_is_killed_leaves_no_process_behind(make_lab):
    lab = make_lab("web: python web.py", "worker: sleep 1000")
    process = lab.up()
    left = list(lab.children().values())

    process.kill()
    process.wait(30)

    eventually(lambda: gone(left))


def test_after_all_of_the_lab_was_killed_the_next_start_cleans_up(make_lab):
    lab = make_lab("web: python web.py", "worker: sleep 1000")
    process = lab.up()
    left = list(lab.children().values())
    watcher_of(process).kill()
    process.kill()
    process.wait(30)
    assert not gone(left)

    lab.up()

    assert gone(left)
    assert set(lab.children().values()).isdisjoint(left)


def test_a_process_that_cannot_live_is_left_and_the_others_go_on(make_lab):
    words = "until [ -e broken ]; do sleep 0.05; done; echo no colour is set; exit 2"
    lab = make_lab("web: python web.py", f"worker: sh -c '{words}'")
    process = lab.up()

    (lab.path / "broken").touch()
    eventually(lambda: "failed" in lab("ps").stdout, within=30)

    assert "no colour is set" in lab.printed.read_text()
    assert lab.get("/") == str(lab.children()["web"])
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 2


def test_two_that_start_at_the_same_moment_share_no_address(make_lab):
    labs = [make_lab(), make_lab()]

    for lab in labs:
        lab.begin_up()

    eventually(lambda: all(lab.is_up() for lab in labs), within=30)
    hosts = {urlsplit(lab.state()["run"]["BASE_URL"]).hostname for lab in labs}
    assert len(hosts) == 2
    assert [lab.get("/") for lab in labs] == [str(lab.children()["web"]) for lab in labs]


def test_of_two_running_steps_a_command_wants_to_know_which(make_lab):
    lab = make_lab()
    first = lab.up()
    later = lab.path / "tests/steps/test_01_later.py"
    later.parent.mkdir(parents=True)
    later.touch()
    lab.up()

    unclear, clear, unknown = lab("ps"), lab("ps", "--step", "00"), lab("ps", "--step", "05")

    assert unclear.returncode == 2
    assert "these are running: 00-monolith, 01-later; name one" in unclear.stderr
    assert "Encore, step 00-monolith" in clear.stdout
    assert lab("mail", "--step", "00").returncode == lab("logs", "--step", "01").returncode == 0
    assert unknown.returncode == 2
    first.send_signal(signal.SIGTERM)
    first.wait(30)
    assert "Encore, step 01-later" in lab("ps").stdout


def test_ps_shows_where_to_look_again(make_lab):
    lab = make_lab()
    lab.up()

    shown = lab("ps").stdout

    assert lab.state()["run"]["BASE_URL"] in shown
    assert "fan@encore.example, password fan-of-encore" in shown
    assert re.search(r"^The lab in a browser  http://127\.0\.0\.1:\d+/\S+/$", shown, re.MULTILINE)


def test_ps_names_no_page_where_none_is_served(make_lab):
    lab = make_lab()

    ended = lab("run", "--", sys.executable, "-m", "tools.lab", "ps")

    assert (ended.returncode, ended.stderr) == (0, "")
    assert "fan@encore.example" in ended.stdout
    assert "The lab in a browser" not in ended.stdout


@pytest.mark.parametrize("name", ["done.json", "running.json"])
def test_a_broken_state_file_is_no_obstacle(make_lab, name):
    lab = make_lab("release: true", "web: python web.py")
    state = lab.path / ".lab/state/00-monolith"
    state.mkdir(parents=True)
    (state / name).write_text("")

    lab.up()

    assert "Traceback" not in lab.printed.read_text()


@pytest.mark.parametrize(
    ("changed", "is_said"), [("0001.py", True), ("0002.py", False)], ids=["changed", "added"]
)
def test_data_of_another_version_of_a_step_are_said_to_be_so(make_lab, changed, is_said):
    lab = make_lab("release: true", "web: python web.py")
    versions = lab.path / "migrations" / "monolith" / "versions"
    versions.mkdir(parents=True)
    (versions / "0001.py").write_text("role = 'catalog'")
    lab.up().send_signal(signal.SIGTERM)
    lab.process.wait(30)
    (versions / changed).write_text("role = 'owner_catalog'")

    for _ in range(2):  # the second time too: the data are still the same
        lab.up().send_signal(signal.SIGTERM)
        lab.process.wait(30)
        assert ("delete them: ./lab reset 00" in lab.printed.read_text()) is is_said


def test_run_starts_nothing_for_a_command_that_there_is_not(make_lab):
    lab = make_lab()

    refused = lab("run", "no-such-command")

    assert (refused.returncode, refused.stderr) == (
        127,
        "lab: there is no command no-such-command\n",
    )
    assert not (lab.path / ".lab/tmp").exists()


def test_a_second_up_of_the_same_step_says_where_the_first_is(make_lab):
    lab = make_lab()
    lab.up()

    refused = lab("up")

    assert refused.returncode == 1
    assert (
        refused.stderr.replace("\n", " ")
        .strip()
        .startswith(f"lab: this step is running already, at {lab.state()['run']['BASE_URL']}")
    )


def test_two_checkouts_run_side_by_side(make_lab):
    first, second = make_lab(), make_lab()

    first.up()
    second.up()

    assert first.get("/") == str(first.children()["web"])
    assert second.get("/") == str(second.children()["web"])


def test_a_port_that_is_given_is_used_and_one_that_is_taken_is_refused(make_lab):
    lab, port = make_lab(), free_port()

    lab.up("--port", str(port))

    assert lab.state()["run"]["BASE_URL"].endswith(f":{port}")
    with socket.create_server(("", 0)) as other:
        taken = str(other.getsockname()[1])
        assert make_lab()("up", "--port", taken).returncode == 2


def test_instances_are_scaled_out_by_name(make_lab):
    lab = make_lab("web: python web.py", "worker: sleep 1000")

    lab.up("--scale", "worker=2")

    assert {"web", "worker.1", "worker.2"} <= set(lab.children())


def test_a_process_is_left_out_for_a_debugger_with_its_settings_and_command(make_lab):
    lab = make_lab("web: python web.py", "worker: sh -c 'test -n \"$DATABASE_URL\"; sleep 1000'")

    lab.up("--without", "worker")
    printed = lab.printed.read_text()
    settings = (lab.path / ".lab/state/00-monolith/worker.env").read_text()

    assert "./lab exec worker -- sh -c" in printed
    assert "worker" not in lab.children()
    assert "INSTANCE=worker" in settings.splitlines()
    assert settings in printed
    assert lab("start", "worker").returncode == 0
    eventually(lambda: "worker" in lab.children())


def test_what_cannot_be_left_out_is_refused_before_anything_starts(make_lab):
    lab = make_lab()

    unknown = lab("up", "--without", "nobody")
    scaled = lab("up", "--scale", "web=2", "--without", "web")

    assert (unknown.returncode, scaled.returncode) == (2, 2)
    assert unknown.stderr == "lab: there is no process nobody; there are: web\n"
    assert scaled.stderr == "lab: web cannot be left out: it is scaled to 2 instances\n"


def test_ps_kill_stop_and_start_act_on_a_running_process(make_lab):
    lab = make_lab("web: python web.py", "worker: sleep 1000")
    lab.up()
    before = lab.children()["worker"]

    assert "worker" in lab("ps").stdout
    assert lab("kill", "worker").returncode == 0
    eventually(lambda: lab.children().get("worker") not in (None, before))
    assert lab("stop", "worker").returncode == 0
    assert "stopped" in lab("ps").stdout
    assert "worker" not in lab.children()
    assert lab("start", "worker").returncode == 0
    assert "worker" in lab.children()


def test_exec_runs_a_command_with_the_settings_and_folder_of_a_process(make_lab):
    lab = make_lab("web: python web.py", "worker: sleep 1000")
    lab.up()
    lab("stop", "worker")
    words = ["sh", "-c", "echo $INSTANCE $PORT $(pwd); exit 7"]

    web, worker = lab("exec", "web", "--", *words), lab("exec", "worker", "--", *words)

    port = urlsplit(lab.state()["run"]["BASE_URL"]).port
    assert (web.returncode, web.stdout) == (7, f"web {port} {lab.path}\n")
    assert worker.stdout.split()[0] == "worker"


def test_a_command_that_cannot_be_done_is_refused_without_a_stack_trace(make_lab):
    lab = make_lab()
    lab.up()
    exit_codes = {
        ("kill", "nobody"): 2,
        ("kill", "web", "--signal", "LOUD"): 2,
        ("stop", "nobody"): 2,
        ("exec", "nobody", "--", "true"): 2,
        ("exec", "web", "--", "no-such-command"): 127,
        ("sql", "nobody"): 2,
        ("logs", "nobody"): 2,
        ("reset",): 1,
        ("up", "07"): 2,
        ("test", "07"): 2,
        ("run", "07", "--", "true"): 2,
        ("run", "--", "no-such-command"): 127,
        ("up", "--scale", "web"): 2,
        ("run", "--scale", "foo=2", "true"): 2,
        ("run", "--scale", "web=0", "true"): 2,
    }

    refused = {words: lab(*words) for words in exit_codes}

    assert {words: each.returncode for words, each in refused.items()} == exit_codes
    assert all(each.stderr and "Traceback" not in each.stderr for each in refused.values())


def test_without_anything_running_the_commands_that_look_inside_say_so(make_lab):
    lab = make_lab()

    for words in (["ps"], ["kill", "web"], ["exec", "web", "true"], ["mail"], ["sql"]):
        assert lab(*words).stderr == "lab: nothing is running here; start it with ./lab up\n"


def test_run_gives_its_command_the_addresses_and_passes_its_exit_code_on(make_lab):
    lab = make_lab()

    ended = lab(
        "run",
        "00",
        "--",
        "sh",
        "-c",
        "echo $BASE_URL $MAIL_URL $SMTP_URL $STRIPE_API_BASE $FAN_PASSWORD $LAB_STATE; exit 7",
    )

    assert ended.returncode == 7
    base, mail, smtp, stripe, password, state = ended.stdout.split()
    assert (base[:17], mail[:17], smtp[:17], stripe[:17]) == (
        "http://127.0.0.1:",
        "http://127.0.0.1:",
        "smtp://127.0.0.1:",
        "http://127.0.0.1:",
    )
    assert not Path(state).exists()
    assert password == "fan-of-encore"


def test_services_that_the_environment_names_are_used_and_none_of_ours_is_started(make_lab):
    lab = make_lab("web: python web.py")
    environment = {
        "SMTP_URL": "smtp://127.0.0.1:1",
        "STRIPE_API_BASE": "http://127.0.0.1:2",
        "STRIPE_API_KEY": "sk_test_own",
    }

    ended = lab(
        "run",
        "--",
        "sh",
        "-c",
        "echo $SMTP_URL $STRIPE_API_BASE $STRIPE_API_KEY; cat $LAB_STATE/running.json",
        env=environment,
    )

    assert ended.stdout.splitlines()[0].split() == list(environment.values())
    assert '"children": {"web": ' in ended.stdout


def test_a_process_that_is_configured_wrongly_ends_the_run_with_2_and_its_line(make_lab):
    lab = make_lab("web: sh -c 'echo web: COLOUR is not set >&2; exit 2'")

    refused = lab("up")

    assert refused.returncode == 2
    assert "web: COLOUR is not set" in refused.stdout
    assert "Traceback" not in refused.stderr


def test_a_release_that_fails_ends_the_run_before_anything_starts(make_lab):
    lab = make_lab("release: sh -c 'echo no database; exit 3'", "web: python web.py")

    refused = lab("up")

    assert refused.returncode == 1
    assert "no database" in refused.stdout
    assert refused.stderr == "lab: release ended with exit code 3\n  no database\n"


def test_logs_show_the_output_of_a_process_and_reset_deletes_it(make_lab):
    lab = make_lab("web: python web.py", "talk-worker: sh -c 'echo hello from afar; sleep 1000'")
    process = lab.up()

    eventually(lambda: "hello from afar" in lab("logs", "talk-worker").stdout)
    process.send_signal(signal.SIGINT)
    process.wait(30)

    assert lab("reset").returncode == 0
    assert not (lab.path / ".lab/state/00-monolith").exists()


def test_the_doctor_names_the_installed_programs(make_lab):
    ended = make_lab()("doctor")

    assert ended.returncode == 0
    assert "PostgreSQL" in ended.stdout

"""The commands of ./lab."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import click
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from tools.lab import absence, control, doctor, inbox, measurements, proving, steps
from tools.lab import bench as benchmark
from tools.lab import chain as chains
from tools.lab import load as loading
from tools.lab import mutants as mutating
from tools.lab import parts as entanglement
from tools.lab import publish as publishing
from tools.lab import system as systems
from tools.lab.postgres import binaries
from tools.lab.processes import readable
from tools.lab.system import Failed, System, temporary_state
from tools.lab.tree import HERE
from tools.lab.waiting import free_port, is_listening

USUAL_PORT = 8000
COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "red")
out, err = Console(highlight=False), Console(stderr=True, highlight=False)


class Commands(click.Group):
    """Commands in the order in which they are written; what goes wrong is one line."""

    def list_commands(self, context):
        return list(self.commands)

    def invoke(self, context):
        try:
            return super().invoke(context)
        except Failed as failure:
            err.print(f"lab: {failure}", style="red", markup=False, soft_wrap=True)
            sys.exit(failure.exit_code)
        except Interrupted as interrupted:
            sys.exit(128 + interrupted.args[0])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def lab():
    """Run, test, measure and break Encore, at any of its steps.

    Begin with `./lab up`: it starts the shop, and says where it is."""


# Running


class Interrupted(BaseException):
    """Somebody wants the lab to stop."""


def until_interrupted():
    """Turn Ctrl-C, SIGTERM and a terminal that is closed into Interrupted; a second one ends at once."""

    def interrupt(number, frame):
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_DFL)
        raise Interrupted(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)


def shower():
    """Print a line of a process, prefixed with its name in a colour of its own."""
    colours = {}

    def show(name, line):
        colour = colours.setdefault(name, COLOURS[len(colours) % len(COLOURS)])
        out.print(f"[{colour}]{name:>17}[/] ", end="")
        out.print(readable(line), markup=False, soft_wrap=True)

    return show


def tree_of(step):
    """The tree of a step: this checkout, where none or its own is named, else a worktree."""
    if step is None or step.removeprefix("step-") in (HERE.slug, HERE.slug[:2]):
        return HERE
    return chains.worktree(chains.find(step, chains.make_tags(say)))


def say(line):
    err.print(line, style="dim", markup=False, soft_wrap=True)


def read_scale(context, parameter, values):
    try:
        return {name: int(count) for name, _, count in (value.partition("=") for value in values)}
    except ValueError:
        raise click.BadParameter("say NAME=COUNT, such as web=2") from None


step_argument = click.argument("step", required=False)
scale_option = click.option("--scale", multiple=True, callback=read_scale, metavar="NAME=COUNT", help="How many instances of a process; repeatable.")
keep_option = click.option("--keep", is_flag=True, help="Keep the figures in docs/measurements, and write them into the step's page.")
events_option = click.option("--events", default=40, show_default=True, help="How many events the sample data has.")


@lab.command()
@step_argument
@click.option("--port", type=click.IntRange(1, 65_535), help=f"Of the shop; {USUAL_PORT} if that is free, unless given.")
@scale_option
@events_option
def up(step, port, scale, events):
    """Start a step and keep it running, until Ctrl-C."""
    tree = tree_of(step)
    began = time.monotonic()
    if port and is_listening(port):
        raise Failed(f"port {port} is taken; choose another with --port", 2)
    port = port or (free_port() if is_listening(USUAL_PORT) else USUAL_PORT)
    if not (tree.state / "logs").exists():
        broker, memory = ("Kafka, ", 900) if tree.topics else ("", 400)
        out.print(f"First start of this step: PostgreSQL, {broker}a mail catcher, a payment sandbox; about {memory} MB of memory, state in .lab/")
    system = System(tree, tree.state, port=port, scale=scale, seed=(events, 100), traced=True, show=shower(), progress=progress)
    until_interrupted()
    try:
        system.start()
        out.print(where_to_look(system, time.monotonic() - began))
        system.supervisor.ended.wait()
        system.stop()
        sys.exit(system.supervisor.exit_code)
    except Interrupted:
        out.print("\nStopping.")
        if system.supervisor:
            system.stop()


def progress(line):
    out.print(f"{line} ...", style="dim")


def where_to_look(system, seconds):
    told = system.to_run()
    lines = [
        f"The shop        {system.base_url}",
        f"The mail        {system.mail_url or 'wherever SMTP_URL leads'}",
        f"The API         {system.base_url}/api/openapi.json",
        f"A customer      fan@encore.example, password {told['FAN_PASSWORD']}",
        f"An organiser    organiser@encore.example, password {told['ORGANISER_PASSWORD']}",
        "",
        f"Ready after {seconds:.1f} s. Ctrl-C stops it; ./lab ps, logs, sql and mail look inside from another terminal.",
    ]
    return Panel("\n".join(lines), title=f"Encore, step {system.tree.slug}", border_style="green", expand=False)


@lab.command(context_settings={"ignore_unknown_options": True})
@click.option("--keep", is_flag=True, help="Use the state that ./lab up has, instead of a fresh one.")
@scale_option
@events_option
@click.argument("words", nargs=-1, type=click.UNPROCESSED, required=True, metavar="[STEP] -- COMMAND...")
def run(keep, scale, events, words):
    """Start a step, run COMMAND with its addresses in the environment, stop, and pass the exit code on.

    COMMAND gets BASE_URL, MAIL_URL, SMTP_URL, STRIPE_API_BASE, STRIPE_API_KEY, KAFKA_BOOTSTRAP_SERVERS, <OWNER>_DATABASE_URL,
    FAN_PASSWORD, ORGANISER_PASSWORD and LAB_STATE."""
    step = None
    if "--" in sys.argv and sys.argv[sys.argv.index("--") - 1] == words[0] and len(words) > 1:
        step, *words = words
    sys.exit(run_with_system(tree_of(step), words, keep, scale=scale, seed=(events, 100)))


def run_with_system(tree, command, keep=False, **options):
    with temporary_state(tree) as fresh:
        system = System(tree, tree.state if keep else fresh, durable=keep, show=lambda name, line: None, **options)
        until_interrupted()
        try:
            system.start()
            return subprocess.run(command, env={**os.environ, **system.to_run()}).returncode
        except FileNotFoundError:
            raise Failed(f"there is no command {command[0]}", 127) from None
        finally:
            if system.supervisor:
                system.stop()


@lab.command(context_settings={"ignore_unknown_options": True})
@step_argument
@click.option("--all", "every", is_flag=True, help="Prove every step: its tests, and that its lesson fails one step earlier.")
@click.option("--unlisted", is_flag=True, help="Prove the steps that the newest publication does not list as proved.")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[-- PYTEST OPTIONS]")
def test(step, every, unlisted, words):
    """Run the tests of this checkout, or those of a step; what follows -- goes to pytest."""
    if every or unlisted:
        sys.exit(prove_steps(everything=every))
    if step and "--" in sys.argv and sys.argv[sys.argv.index("--") + 1] == step:
        step, words = None, (step, *words)
    tree = tree_of(step)
    wanted = words if tree is HERE or any(word.startswith("tests") for word in words) else [*words, *proving.tests_of(tree)]
    environment = {**os.environ, "PYTHONPATH": str(tree.path)}
    os.chdir(tree.path)
    os.execve(sys.executable, [sys.executable, "-m", "pytest", *wanted], environment)  # noqa: S606


def prove_steps(*, everything):
    """Prove every step, or those that the newest publication does not list, print how each ended, and answer with the exit code."""
    chain = chains.make_tags(say)
    if not chain.steps:
        raise Failed("there is no step here to prove", 2)
    until_interrupted()
    ended, table = proving.prove_all(chain.steps, {} if everything else chains.proved(), say), Table("step", "proof", box=None)
    for step in chain.steps:
        table.add_row(step.slug, (ended[step.slug] or "proved") if step.slug in ended else "listed")
    out.print(table)
    return 1 if any(ended.values()) else 0


@lab.command()
@step_argument
@keep_option
def bench(step, keep):
    """Measure a step: reads, holds and bookings as ratios, memory, start. Takes about two minutes."""
    tree = tree_of(step)
    figures = benchmark.run(out, tree)
    if keep:
        measurements.keep(tree, "bench", "./lab bench --keep", figures)


@lab.command()
@step_argument
@keep_option
def parts(step, keep):
    """How far the parts of a step are entangled: imports, foreign keys, joins; and the statements of each request."""
    tree = tree_of(step)
    figures = entanglement.run(out, tree)
    if keep:
        measurements.keep(tree, "parts", "./lab parts --keep", figures)


@lab.command()
@step_argument
@click.option("--rate", default=20.0, show_default=True, type=click.FloatRange(1, 2000), help="Requests a second; with --find-rate, where the search begins.")
@click.option("--seconds", default=30.0, show_default=True, type=click.FloatRange(1, 3600), help="How long to measure, after 5 s to warm up.")
@click.option("--seed", default=1, show_default=True, help="The number that decides who does what, and when.")
@click.option("--find-rate", is_flag=True, help="Search for the highest rate held instead: at most 8 probes of 8 s.")
@click.option("--kill", metavar="NAME", help="Kill the process NAME with -9 when half of the time is over.")
@click.option("--restart", metavar="NAME", help="Restart every instance of NAME, one after the other, when half of the time is over.")
@click.option("--json", "path", type=click.Path(dir_okay=False, path_type=Path), help="Write the machine, the options, the figures and the audit there.")
@keep_option
@click.option("--accounts", default=50, show_default=True, type=click.IntRange(2, 10_000), help="How many visitors are signed in before it begins.")
@scale_option
@events_option
def load(step, find_rate, **options):
    """Ask a step for what visitors do, at a stated rate, and audit what came of it.

    Inside `./lab run -- ./lab load` that system is loaded; else one is started afresh, and stopped. The exit code is 1 if a promise was
    broken, 3 if the run is void because the generator itself was too slow: docs/load.md."""
    tree = tree_of(step)
    until_interrupted()
    sys.exit(loading.run(out, tree, searching=find_rate, **options))


@lab.command("break")
@step_argument
@keep_option
def break_(step, keep):
    """Stop each component of a step in turn: what a customer can still do, and what is made up for later."""
    tree = tree_of(step)
    until_interrupted()
    figures = absence.run(out, tree)
    if keep:
        measurements.keep(tree, "absence", "./lab break --keep", figures)


@lab.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
def mutants(names):
    """Put deliberate faults into a copy of this checkout, one at a time, and see that its tests fail. Some minutes.

    The faults are the patches of tests/mutants; NAME is one without its ending, all unless given."""
    sys.exit(0 if mutating.run(out, names, say) else 1)


# Looking inside what runs


def the_state():
    """The state folder of what runs: the one that LAB_STATE names, or that of this checkout's step, or of another one."""
    if named := os.environ.get("LAB_STATE"):
        return Path(named)
    states = [HERE.state, *sorted((HERE.home / ".lab" / "state").glob("*"))]
    return next((state for state in states if systems.running(state)), HERE.state)


def the_running():
    noted = systems.running(the_state())
    if noted is None:
        raise Failed("nothing is running here; start it with ./lab up")
    return noted


def ask(*words):
    done, answer = control.ask(the_running(), *words)
    if not done:
        raise Failed(answer, 2)
    return answer


@lab.command()
def ps():
    """List what is running: processes and backing services."""
    table = Table("name", "state", "pid", "memory MB", "up", "starts", box=None)
    for each in ask("ps"):
        up_for = str(timedelta(seconds=round(each["up"]))) if each["pid"] else ""
        table.add_row(each["name"], each["state"], str(each["pid"] or ""), f"{each['memory'] / 1e6:.0f}", up_for, str(each["starts"]))
    out.print(table)


@lab.command()
@click.argument("name")
@click.option("--signal", "wanted", default="KILL", show_default=True, help="Its name or number, such as STOP, CONT, TERM or 9.")
def kill(name, wanted):
    """Send a signal to the process NAME; if it dies of it, it is started again."""
    try:
        number = signal.Signals(int(wanted)) if wanted.isdigit() else signal.Signals[f"SIG{wanted.upper().removeprefix('SIG')}"]
    except (ValueError, KeyError):
        raise Failed(f"there is no signal {wanted}", 2) from None
    ask("kill", name, number)


@lab.command()
@click.argument("name")
def stop(name):
    """Stop the process NAME, and leave it stopped."""
    ask("stop", name)


@lab.command()
@click.argument("name")
def start(name):
    """Start the process NAME again after a stop."""
    ask("start", name)


@lab.command()
@click.argument("name")
def restart(name):
    """Stop and start every instance of NAME, one after the other, each until it is ready."""
    ask("restart", name)


@lab.command()
@step_argument
def routes(step):
    """Who answers what: each line of the facade's routes."""
    table = Table("name", "process", "methods", "paths", box=None)
    for route in tree_of(step).routes():
        table.add_row(route.name, route.process, " ".join(route.methods), " ".join(route.paths))
    out.print(table)


@lab.command()
@click.argument("topic", required=False)
@click.option("--follow", is_flag=True, help="Go on with what is said from now on, until Ctrl-C.")
def topics(topic, follow):
    """The topics with their messages and each group's lag; or what was said on TOPIC."""
    from tools.lab import topics as talking  # Kafka's client takes a while to import, and all other commands do without

    address = the_running()["run"].get("KAFKA_BOOTSTRAP_SERVERS")
    if not address:
        raise Failed("this step has no Kafka; the first that has is 06", 2)
    if topic and topic not in HERE.topics:
        raise Failed(f"there is no topic {topic}; there are: {', '.join(HERE.topics)}", 2)
    if topic is None:
        out.print(talking.table(address, HERE.topics))
        return
    until_interrupted()
    for said in talking.said(address, topic, follow=follow):
        out.print(f"{said['partition']}:{said['offset']} {said['type']} {said['key']} {json.dumps(said['data'])}", markup=False, soft_wrap=True)


@lab.command()
@click.argument("booking")
def trace(booking):
    """One booking, by its id: the rows and messages that name it, and what was done for it, by whom and how long."""
    from tools.lab import trace as tracing  # as above

    tracing.show(out, the_running()["run"], booking)


@lab.command(context_settings={"ignore_unknown_options": True})
@click.argument("owner", default="monolith")
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def sql(owner, options):
    """Open psql on the database of OWNER; further options go to it, such as -c 'select 1'."""
    url = the_running()["run"].get(f"{owner.upper()}_DATABASE_URL")
    if url is None:
        raise Failed(f"there is no database of {owner}; there are: {', '.join(HERE.owners)}", 2)
    psql = shutil.which("psql") or str(binaries() / "psql")
    os.execv(psql, [psql, url, *options])  # noqa: S606


@lab.command()
@click.argument("id", required=False)
@click.option("--to", help="Only those to this address.")
def mail(id, to):
    """List the mail that was caught, or show the one that begins with ID."""
    inbox.show(out, the_running()["run"]["MAIL_URL"], id, to)


@lab.command()
@click.argument("name", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on as more is written.")
@click.option("-n", "--lines", default=40, show_default=True, help="How many of the last lines.")
def logs(name, follow, lines):
    """Show what the processes wrote, as JSON lines; of NAME only, if given."""
    files = sorted((the_state() / "logs").glob(f"{name or '*'}.log"))
    if not files:
        raise Failed(f"there is no log of {name or 'anything yet'}", 2)
    sys.stdout.flush()
    os.execvp("tail", ["tail", *(["-F"] if follow else []), "-n", str(lines), *map(str, files)])  # noqa: S606


@lab.command()
@step_argument
def reset(step):
    """Throw a step's data away: databases, mail, payments, logs."""
    state = tree_of(step).state
    if systems.running(state):
        raise Failed("this step is running; stop it first, with Ctrl-C in its terminal")
    systems.clean_up(state)
    systems.remove(state)
    out.print(f"Removed {state.relative_to(Path.cwd()) if state.is_relative_to(Path.cwd()) else state}")


# The path of steps


@lab.command("steps")
def steps_command():
    """List the steps: tag, lesson, processes, published and proved or not, headline numbers."""
    out.print(steps.table(chains.make_tags(say)))


@lab.command()
@click.argument("step")
@click.option("--stat", is_flag=True, help="Only which files, and how much.")
def diff(step, stat):
    """Show what STEP changes, in reading order: moves folded, tooling and documents left out."""
    chain = chains.make_tags(say)
    sys.exit(steps.show_diff(chain, chains.find(step, chain), stat=stat))


@lab.command()
@click.argument("step")
@click.option("--drop", is_flag=True, help="Throw away what was begun.")
def edit(step, drop):
    """Open a worktree of an earlier STEP, to mend it there."""
    found = chains.find(step, chains.make_tags(say))
    if drop:
        publishing.drop_edit(found.slug)
        return
    out.print(f"Mend it in {publishing.open_edit(found)} and commit there; then ./lab publish carries it to every later step.", soft_wrap=True)


@lab.command()
@click.option("--continue", "going_on", is_flag=True, help="Go on after a conflict that is settled.")
@click.option("--linear", is_flag=True, help="Put the new chain on main itself, without a merge.")
@click.option("--no-prove", is_flag=True, help="Leave steps unproved.")
@click.option("--dry-run", is_flag=True, help="Say what each step would change, and publish nothing.")
def publish(going_on, linear, no_prove, dry_run):
    """Rebuild the chain of steps on today's tooling, with the edits that were made; prove it; join it to main; move the tags."""
    until_interrupted()
    publishing.publish(say, prove=None if no_prove else proving.prove, linear=linear, going_on=going_on, dry=dry_run)


@lab.command("doctor")
def doctor_command():
    """Say what is here, what is missing, and what mends it."""
    sys.exit(doctor.report(out))


if __name__ == "__main__":
    lab(prog_name="./lab")

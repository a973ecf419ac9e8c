"""The commands that start a step: for a person, for a command, or for its tests."""

import os
import subprocess
import sys
import time

import click
from rich.panel import Panel
from rich.table import Table

from tools.lab.cli.options import events_option, scale_option, step_argument, tree_of
from tools.lab.cli.terminal import Interrupted, out, progress, say, shower, until_interrupted
from tools.lab.ground.failed import Failed
from tools.lab.ground.tree import HERE
from tools.lab.ground.waiting import free_port, is_listening
from tools.lab.steps import chain as chains
from tools.lab.steps import proving
from tools.lab.system.state import temporary_state
from tools.lab.system.system import System

USUAL_PORT = 8000


@click.command()
@step_argument
@click.option(
    "--port",
    type=click.IntRange(1, 65_535),
    help=f"The port of the shop. Default: {USUAL_PORT} if it is free, otherwise any free port.",
)
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
        out.print(
            f"First start of this step: PostgreSQL, {broker}a mail catcher, a payment sandbox; "
            f"about {memory} MB of memory, state in .lab/"
        )
    system = System(
        tree,
        tree.state,
        port=port,
        scale=scale,
        seed=(events, 100),
        traced=True,
        show=shower(),
        progress=progress,
    )
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


def where_to_look(system, seconds):
    settings = system.to_run()
    lines = [
        f"The shop        {system.base_url}",
        f"The mail        {system.mail_url or 'on the server of SMTP_URL'}",
        f"The API         {system.base_url}/api/openapi.json",
        f"A customer      fan@encore.example, password {settings['FAN_PASSWORD']}",
        f"An organiser    organiser@encore.example, password {settings['ORGANISER_PASSWORD']}",
        "",
        f"Ready after {seconds:.1f} s. Ctrl-C stops it; ./lab ps, logs, sql and mail look inside "
        "from another terminal.",
    ]
    return Panel(
        "\n".join(lines),
        title=f"Encore, step {system.tree.slug}",
        border_style="green",
        expand=False,
    )


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--keep", is_flag=True, help="Use the state of ./lab up instead of a new one.")
@scale_option
@events_option
@click.argument(
    "words", nargs=-1, type=click.UNPROCESSED, required=True, metavar="[STEP] -- COMMAND..."
)
def run(keep, scale, events, words):
    """Start a step, run COMMAND against it, and stop it.

    The exit code is that of COMMAND. Its environment has BASE_URL, MAIL_URL, SMTP_URL,
    STRIPE_API_BASE, STRIPE_API_KEY, KAFKA_BOOTSTRAP_SERVERS, <OWNER>_DATABASE_URL, FAN_PASSWORD,
    ORGANISER_PASSWORD and LAB_STATE."""
    step = None
    if "--" in sys.argv and sys.argv[sys.argv.index("--") - 1] == words[0] and len(words) > 1:
        step, *words = words
    sys.exit(run_with_system(tree_of(step), words, keep, scale=scale, seed=(events, 100)))


def run_with_system(tree, command, keep=False, **options):
    with temporary_state(tree) as fresh:
        system = System(
            tree,
            tree.state if keep else fresh,
            durable=keep,
            show=lambda name, line: None,
            **options,
        )
        until_interrupted()
        try:
            system.start()
            return subprocess.run(command, env={**os.environ, **system.to_run()}).returncode
        except FileNotFoundError:
            raise Failed(f"there is no command {command[0]}", 127) from None
        finally:
            if system.supervisor:
                system.stop()


@click.command(context_settings={"ignore_unknown_options": True})
@step_argument
@click.option(
    "--all",
    "every",
    is_flag=True,
    help="Prove every step: its tests pass, and its lesson fails one step earlier.",
)
@click.option(
    "--unlisted",
    is_flag=True,
    help="Prove the steps that the newest publication does not list as proved.",
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[-- PYTEST OPTIONS]")
def test(step, every, unlisted, words):
    """Run the tests of this checkout or of a step.

    Options after -- go to pytest."""
    if every or unlisted:
        sys.exit(prove_steps(everything=every))
    if step and "--" in sys.argv and sys.argv[sys.argv.index("--") + 1] == step:
        step, words = None, (step, *words)
    tree = tree_of(step)
    arguments = (
        words
        if tree is HERE or any(word.startswith("tests") for word in words)
        else [*words, *proving.tests_of(tree)]
    )
    environment = {**os.environ, "PYTHONPATH": str(tree.path)}
    os.chdir(tree.path)
    os.execve(sys.executable, [sys.executable, "-m", "pytest", *arguments], environment)  # noqa: S606


def prove_steps(*, everything):
    """Prove every step, or those that the newest publication does not list; print the results, and
    return the exit code."""
    chain = chains.read()
    if not chain.steps:
        raise Failed(chains.no_steps(), 2)
    until_interrupted()
    results = proving.prove_all(chain.steps, {} if everything else chains.proved(), say)
    table = Table("step", "proof", box=None)
    for step in chain.steps:
        table.add_row(
            step.slug, (results[step.slug] or "proved") if step.slug in results else "listed"
        )
    out.print(table)
    return 1 if any(results.values()) else 0

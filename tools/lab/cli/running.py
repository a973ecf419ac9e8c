"""The commands that start a step: for a person, for a command, or for its tests."""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress

import click
from rich.table import Table

from tools.lab.cli import debugging
from tools.lab.cli.options import events_option, scale_option, step_argument, tree_to_run
from tools.lab.cli.processes import tell_page, where_to_look
from tools.lab.cli.terminal import (
    Interrupted,
    out,
    patient,
    progress,
    say,
    shower,
    until_interrupted,
)
from tools.lab.ground.failed import Failed
from tools.lab.ground.tree import HERE
from tools.lab.page.beside import served
from tools.lab.steps import chain as chains
from tools.lab.steps import keys, proving, wrong_turns
from tools.lab.system.ports import USUAL_PORT, Ports
from tools.lab.system.state import temporary_state
from tools.lab.system.system import System

LOOK_EVERY = 0.2  # seconds
ENDS_WITHIN = 10.0  # seconds that the command of ./lab run has after Ctrl-C


@click.command()
@step_argument
@click.option(
    "--port",
    type=click.IntRange(1, 65_535),
    help=f"The port of the shop. Default: {USUAL_PORT} if it is free, otherwise any free port.",
)
@scale_option
@events_option
@click.option("--without", metavar="NAME", help="Leave the process NAME out, for a debugger.")
def up(step, port, scale, events, without):
    """Start a step or a wrong turn and keep it running, until Ctrl-C."""
    tree = tree_to_run(step)
    left_out = debugging.checked(without, tree, scale) if without else None
    if not (tree.state / "logs").exists():
        broker, memory = ("Kafka, ", 900) if tree.topics else ("", 400)
        out.print(
            f"First start of this step: PostgreSQL, {broker}a mail catcher, a payment sandbox; "
            f"about {memory} MB of memory, state in .lab/"
        )
    ports = Ports()
    system = System(
        tree,
        tree.state,
        ports=ports,
        port=ports.for_a_browser(port),
        scale=scale,
        seed=(events, 100),
        traced=True,
        show=shower(),
        progress=progress,
    )
    until_interrupted()
    with patient() as terminal:
        try:
            keep_up(system, terminal, left_out)
        except Interrupted:
            out.print("\nStopping.")
        finally:
            system.stop()
    sys.exit(system.supervisor.exit_code)


def keep_up(system, terminal, left_out=None):
    """Start a system, and return once nobody can see any more what it prints."""
    system.start()
    if left_out:
        out.print(debugging.leave_out(system, left_out), markup=False, soft_wrap=True)
    with served(system.tree, system.state):
        out.print(where_to_look(system.to_run(), system.tree.slug))
        tell_page(system.state)
        out.print(
            f"Ready after {system.ready_after:.1f} s. Ctrl-C stops it; ./lab ps shows this "
            "again,\nand logs, sql and mail look inside, from another terminal."
        )
        while not terminal.gone.wait(LOOK_EVERY):
            pass  # a signal may have come to another thread, and is noticed when this one wakes


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
    if shutil.which(words[0]) is None:
        raise Failed(f"there is no command {words[0]}", 127)
    sys.exit(run_with_system(tree_to_run(step), words, keep, scale=scale, seed=(events, 100)))


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
            return ended(subprocess.Popen(command, env={**os.environ, **system.to_run()}))
        finally:
            system.stop()


def ended(command):
    """The exit code of a command. Ctrl-C reaches it too, and it has a while to end in order."""
    try:
        return command.wait()
    except Interrupted as interrupted:
        if interrupted.args != (signal.SIGINT,):
            command.send_signal(*interrupted.args)
        with suppress(subprocess.TimeoutExpired):
            command.wait(ENDS_WITHIN)
        command.kill()
        raise


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

    Of a wrong turn, such as wrong-dual-write, the test that counts its damage is run. Options after
    -- go to pytest."""
    if every or unlisted:
        sys.exit(prove_steps(everything=every))
    if step and "--" in sys.argv and sys.argv[sys.argv.index("--") + 1] == step:
        step, words = None, (step, *words)
    tree = tree_to_run(step)
    arguments = (
        words
        if tree is HERE or any(word.startswith("tests") for word in words)
        else [*words, *tests_of(step, tree)]
    )
    environment = {**os.environ, "PYTHONPATH": str(tree.path)}
    os.chdir(tree.path)
    os.execve(sys.executable, [sys.executable, "-m", "pytest", *arguments], environment)  # noqa: S606


def tests_of(step, tree):
    """What is run of a step: its tests. Of a wrong turn it is the test that counts the damage; some
    of the others fail because of the mistake."""
    if step and wrong_turns.is_one(step):
        return ["-rA", wrong_turns.test_of(step)]  # with what it prints
    return proving.tests_of(tree)


def prove_steps(*, everything):
    """Prove every step and wrong turn, or those that the newest publication does not list; print
    the results, and return the exit code."""
    chain = chains.read()
    if not chain.steps:
        raise Failed(chains.no_steps(), 2)
    until_interrupted()
    pairs = keys.pairs(chain.steps, chain.wrong)
    results = proving.prove_all(pairs, {} if everything else chains.proved(), say)
    table = Table("step", "proof", box=None)
    for _, step in pairs:
        table.add_row(
            step.slug, (results[step.slug] or "proved") if step.slug in results else "listed"
        )
    out.print(table)
    return 1 if any(results.values()) else 0

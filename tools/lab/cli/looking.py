"""The commands that look inside a running system, and the one that deletes its data."""

import json
import os
import shutil
import sys
from pathlib import Path

import click
from rich.table import Table

from tools.lab.cli.options import step_argument, tree_of
from tools.lab.cli.processes import of_step, the_running, the_state
from tools.lab.cli.terminal import out, until_interrupted
from tools.lab.ground.failed import Failed
from tools.lab.ground.tree import HERE
from tools.lab.look import mail as mailbox
from tools.lab.services.postgres import binaries
from tools.lab.system.state import clean_up, remove, running


@click.command()
@step_argument
def routes(step):
    """List the facade's routes: which process answers which path."""
    table = Table("name", "process", "methods", "paths", box=None)
    for route in tree_of(step).routes():
        table.add_row(route.name, route.process, " ".join(route.methods), " ".join(route.paths))
    out.print(table)


@click.command()
@of_step
@click.argument("topic", required=False)
@click.option("--follow", is_flag=True, help="Also print new messages, until Ctrl-C.")
def topics(topic, follow):
    """List the topics and their lag, or the messages of TOPIC."""
    # Kafka's client takes a while to import, and most commands do not need it
    from tools.lab.look import topics as kafka_topics

    address = the_running()["run"].get("KAFKA_BOOTSTRAP_SERVERS")
    if not address:
        raise Failed("this step has no Kafka; the first that has is 06", 2)
    if topic and topic not in HERE.topics:
        raise Failed(f"there is no topic {topic}; there are: {', '.join(HERE.topics)}", 2)
    if topic is None:
        out.print(kafka_topics.table(address, HERE.topics))
        for difference in kafka_topics.differences(address, HERE.topics):
            out.print(difference, style="red", markup=False, soft_wrap=True)
        return
    until_interrupted()
    for message in kafka_topics.messages(address, topic, follow=follow):
        out.print(
            f"{message['partition']}:{message['offset']} {message['type']} {message['key']} "
            f"{json.dumps(message['data'])}",
            markup=False,
            soft_wrap=True,
        )


@click.command()
@of_step
@click.argument("booking")
def trace(booking):
    """Show a booking's rows and messages, and its traces.

    BOOKING is its id. A trace shows which process did what for the booking, and how long it
    took."""
    from tools.lab.look import trace as tracing  # as above

    tracing.show(out, the_running()["run"], booking)


@click.command(context_settings={"ignore_unknown_options": True})
@of_step
@click.argument("owner", default="monolith")
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def sql(owner, options):
    """Open psql on the database of OWNER.

    OWNER is the monolith unless given, or a service. Options go to psql, such as -c 'select 1'."""
    if owner.startswith("-"):
        owner, options = "monolith", (owner, *options)
    url = the_running()["run"].get(f"{owner.upper()}_DATABASE_URL")
    if url is None:
        raise Failed(f"there is no database of {owner}; there are: {', '.join(HERE.owners)}", 2)
    psql = shutil.which("psql") or str(binaries() / "psql")
    os.execv(psql, [psql, url, *options])  # noqa: S606


@click.command()
@of_step
@click.argument("id", required=False)
@click.option("--to", help="Only mail to this address.")
def mail(id, to):
    """List the mail that was caught, or show the mail ID."""
    mailbox.show(out, the_running()["run"]["MAIL_URL"], id, to)


@click.command()
@of_step
@click.argument("name", required=False)
@click.option("-f", "--follow", is_flag=True, help="Also print new lines, until Ctrl-C.")
@click.option("-n", "--lines", default=40, show_default=True, help="How many of the newest lines.")
def logs(name, follow, lines):
    """Show the logs, as JSON lines; of the process NAME only if given."""
    files = sorted((the_state() / "logs").glob(f"{name or '*'}.log"))
    if not files:
        raise Failed(f"there is no log of {name or 'anything yet'}", 2)
    sys.stdout.flush()
    os.execvp("tail", ["tail", *(["-F"] if follow else []), "-n", str(lines), *map(str, files)])  # noqa: S606


@click.command()
@step_argument
def reset(step):
    """Delete a step's data: databases, mail, payments, logs."""
    state = tree_of(step).state
    if running(state):
        raise Failed("this step is running; stop it first, with Ctrl-C in its terminal")
    clean_up(state)
    remove(state)
    out.print(
        f"Removed {state.relative_to(Path.cwd()) if state.is_relative_to(Path.cwd()) else state}"
    )

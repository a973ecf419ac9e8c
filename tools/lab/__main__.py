"""The group of the commands of ./lab."""

import os
import signal
import sys

if __name__ == "__main__":
    # until the commands below are imported, Ctrl-C ends this process without a stack trace
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import click

from tools.lab.cli.breaking import break_
from tools.lab.cli.changes import changes
from tools.lab.cli.compare import compare
from tools.lab.cli.doctor import doctor
from tools.lab.cli.executing import exec_
from tools.lab.cli.load import load
from tools.lab.cli.looking import logs, mail, reset, routes, sql, topics, trace
from tools.lab.cli.measuring import bench, coupling, mutants
from tools.lab.cli.migrate import migrate
from tools.lab.cli.processes import kill, ps, restart, start, stop
from tools.lab.cli.running import run, test, up
from tools.lab.cli.steps import diff, edit, numbers_command, publish, steps_command
from tools.lab.cli.terminal import Interrupted, err, say
from tools.lab.ground import environment
from tools.lab.ground.failed import Failed
from tools.lab.steps import tags

RUNNING = (up, run, test)
MEASURING = (compare, bench, coupling, load, break_, migrate, mutants)
PROCESSES = (ps, kill, stop, start, restart, exec_)
LOOKING = (routes, topics, trace, sql, mail, logs, reset)
STEPS = (steps_command, numbers_command, diff, changes, edit, publish)


class Commands(click.Group):
    """Lists the commands in the order of the tables above; a failure is one line."""

    def list_commands(self, context):
        return list(self.commands)

    def invoke(self, context):
        try:
            return super().invoke(context)
        except Failed as failure:
            err.print(f"lab: {failure}", style="red", markup=False, soft_wrap=True)
            sys.exit(failure.exit_code)
        except (Interrupted, KeyboardInterrupt) as interrupted:
            say("lab: interrupted")
            sys.exit(128 + (interrupted.args or [signal.SIGINT])[0])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def lab():
    """Run, test, measure and break Encore, at any of its steps.

    Begin with `./lab up`: it starts the shop and prints its address."""
    tags.keep_up_to_date(say)


for each in (*RUNNING, *MEASURING, *PROCESSES, *LOOKING, *STEPS, doctor):
    lab.add_command(each)

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    environment.clean(os.environ)
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.reconfigure(errors="replace")  # a terminal may lack some characters
    lab(prog_name="./lab")

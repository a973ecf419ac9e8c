"""The arguments and options that several commands share, and the tree of a named step."""

from pathlib import Path

import click

from tools.lab.ground.failed import Failed
from tools.lab.ground.tree import HERE, Tree
from tools.lab.steps import chain as chains
from tools.lab.steps import wrong_turns


def tree_of(step):
    """The tree of a step: this checkout for None and for its own name, otherwise a worktree."""
    if step is None or chains.is_named(HERE.slug, step):
        return HERE
    return chains.worktree(chains.find(step, chains.read()))


def read_scale(context, parameter, values):
    try:
        return {name: int(count) for name, _, count in (value.partition("=") for value in values)}
    except ValueError:
        raise click.BadParameter("write NAME=COUNT, such as web=2") from None


def find(words, chain):
    """The step, or the wrong turn, that these words name; Failed if there is none."""
    return (wrong_turns if wrong_turns.is_one(words) else chains).find(words, chain)


def tree_to_run(words):
    """The tree of a step, or of a wrong turn."""
    if words and wrong_turns.is_one(words):
        return chains.worktree(wrong_turns.find(words, chains.read()))
    return tree_of(words)


step_argument = click.argument("step", required=False)
scale_option = click.option(
    "--scale",
    multiple=True,
    callback=read_scale,
    metavar="NAME=COUNT",
    help="How many instances of a process; repeatable.",
)
keep_option = click.option(
    "--keep",
    is_flag=True,
    help="Keep the figures in docs/measurements, and write them into the step's page.",
)
json_option = click.option(
    "--json",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the result to this file: the machine, the settings, the figures, the audit.",
)
events_option = click.option(
    "--events", default=40, show_default=True, help="How many events the sample data has."
)


def checkout(word):
    """The tree of a folder with a checkout, whose state is kept beside that of the steps."""
    path = Path(word).resolve()
    if not (path / "Procfile").exists() or not (path / ".git").exists():
        raise Failed(f"{path} is no checkout: it has no Procfile, or no .git", 2)
    return Tree(path, HERE.home)

"""Wrong turns: each is a typical mistake, one commit beside a step, with a test that counts the
damage. The test passes on that commit, and fails at the step, where there is no damage."""

from contextlib import ExitStack, closing

from tools.lab.ground.failed import Failed
from tools.lab.steps import ends, git, jobs
from tools.lab.steps.chain import Step

PREFIX = "wrong-"


def is_one(slug):
    """Whether a slug names a wrong turn, and not a step."""
    return slug.startswith(PREFIX)


def test_of(slug):
    """Where the test of a wrong turn lies in its tree."""
    return f"tests/steps/test_{slug.replace('-', '_')}.py"


def pair(turn):
    """(the step that a wrong turn is beside, the wrong turn as a step of the slug wrong-SLUG)."""
    slug, commit = turn
    step = git.parents(commit)[0]
    return Step(git.trailers(step, "Step")[0], step), Step(f"{PREFIX}{slug}", commit)


def beside(step, chain):
    """The wrong turns beside a step."""
    return [turn for its_step, turn in map(pair, chain.wrong) if its_step.slug == step.slug]


def find(name, chain):
    """The wrong turn of this name; Failed if there is none."""
    turns = {turn.slug: turn for _, turn in map(pair, chain.wrong)}
    if name not in turns:
        raise Failed(f"there is no wrong turn {name}; there are: {', '.join(turns) or 'none'}", 2)
    return turns[name]


def prove(step, turn, say):
    """Run the test of a wrong turn on its commit and at the step beside it; Failed says what is
    wrong."""
    name = test_of(turn.slug)
    text = git.ask("show", f"{turn.commit}:{name}", check=False)
    if text is None:
        raise Failed(f"{turn.slug}: there is no {name}")
    with ExitStack() as stack:
        here, there = (
            stack.enter_context(jobs.checked_out(commit, turn.slug))
            for commit in (turn.commit, step.commit)
        )
        (there.path / name).parent.mkdir(parents=True, exist_ok=True)
        (there.path / name).write_text(f"{text}\n")
        damaged, whole = jobs.Job(here, [name]), jobs.Job(there, [name])
        for job in stack.enter_context(closing(jobs.run([damaged, whole]))):
            say(f"    {'with' if job is damaged else 'without'} the mistake: {job.summary}")
    ends.must_pass(turn.slug, damaged, "its test does not find the damage")
    ends.must_be_run(turn.slug, name, damaged.ends)
    ends.must_be_quoted(step.slug, ends.first_line(turn.slug, whole, f"at {step.slug}"), say)

"""The results that are kept in docs/measurements: a file for each step, one for the comparison of
all steps, and one for comparisons of a step with itself."""

import json
from dataclasses import asdict, replace

from tools.lab.experiment.result import Result
from tools.lab.ground.tree import HERE

FOLDER = HERE.path / "docs" / "measurements"
CAMPAIGN = "campaign.json"
NOISE = "noise.json"
KINDS = ("break", "coupling", "bench", "rate", "load", "migrate")  # their order in a file
BY_STEP = ("files", "budgets", "figures", "facts", "drills")


def keep(result):
    """Keep a comparison of all steps as the campaign, one of a step with itself as noise, and any
    other result in the file of each of its steps.

    It takes the place of an older result of the same command or drills. The latencies and seconds
    of its runs are not kept: they are large, and the figures are made of them."""
    FOLDER.mkdir(exist_ok=True)
    if is_noise(result):
        keep_noise(result)
        return
    slim = replace(result, runs=[replace(run, latencies={}, seconds=[]) for run in result.runs])
    if result.kind == "compare":
        slim.write(FOLDER / CAMPAIGN)
        return
    for slug in result.steps:
        kept = part(slim, slug)
        others = [each for each in read(slug) if not repeats(kept, each, slug)]
        results = [*others, kept]
        results.sort(key=lambda each: (KINDS.index(each.kind), each.command))
        write(FOLDER / f"{slug}.json", results)


def write(path, results):
    path.write_text(json.dumps([asdict(each) for each in results], indent=1) + "\n")


def is_noise(result):
    """Whether a result compares a step with itself, or with a checkout that was made from it."""
    slugs = {name.partition(" ")[0] for name in result.steps}
    return result.kind == "compare" and len(slugs) == 1


def keep_noise(result):
    """Keep the verdicts of a comparison; what they are made of says nothing of any step."""
    slim = replace(result, runs=[], budgets={}, figures={}, facts={}, drills={})
    others = [each for each in noise() if each.command != slim.command]
    write(FOLDER / NOISE, sorted([*others, slim], key=lambda each: each.command))


def noise():
    """The kept comparisons of a step with itself."""
    return [Result.from_dict(each) for each in listed(FOLDER / NOISE)]


def repeats(result, other, slug):
    """Whether a result has all that another one of the step has."""
    has, had = (each.drills.get(slug, {}).keys() for each in (result, other))
    return other.command == result.command or bool(had) and had <= has


def read(slug):
    """The kept results of a step."""
    return [Result.from_dict(named(each, slug)) for each in listed(FOLDER / f"{slug}.json")]


def listed(path):
    """What a file of results has, or nothing where there is no file."""
    return json.loads(path.read_text()) if path.exists() else []


def named(kept, slug):
    """A kept result with the name that its step has today."""
    return {**kept, **{field: rekeyed(kept[field], slug) for field in BY_STEP}}


def rekeyed(by_step, slug):
    return {slug: next(iter(by_step.values()))} if by_step else {}


def campaign():
    """The kept comparison of all steps, or None."""
    path = FOLDER / CAMPAIGN
    return Result.read(path) if path.exists() else None


def part(result, slug):
    """What a result says of one step."""
    only = {
        name: {step: value for step, value in getattr(result, name).items() if step == slug}
        for name in BY_STEP
    }
    return replace(result, runs=result.runs_of(slug), **only)

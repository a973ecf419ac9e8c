"""The key of a step's proof: a hash of everything that the proof ran on."""

import hashlib

from tools.lab.ground.tree import is_tooling
from tools.lab.steps import git, wrong_turns

# the rest of tests/lab is about the lab, and runs on main
AT_EVERY_STEP = (
    "tests/lab/test_step_interface.py",
    "tests/lab/shop/",
)
# tooling that a step's tests run on or read; all step files are in the key anyway
ROOMS = ("ground", "services", "system", "look", "testing")
COMMANDS = ("processes", "terminal")
TOOLING_OF_A_PROOF = (
    *(f"tools/lab/{room}/" for room in ROOMS),
    *(f"tools/lab/cli/{name}.py" for name in COMMANDS),
    "requirements/",
    "pyproject.toml",
    "web/",
    "docs/openapi.yaml",
    "docs/settings.md",
    *AT_EVERY_STEP,
)


def is_proved_on(path):
    """Whether a proof depends on this file."""
    return not is_tooling(path) or path.startswith(TOOLING_OF_A_PROOF)


def key(commit):
    """The hash of what a proof of this commit depends on, as a hexadecimal text."""
    digest = hashlib.sha256()
    for path, entry in sorted(git.entries(commit).items()):
        if is_proved_on(path):
            digest.update(f"{path} {entry}\n".encode())
    return digest.hexdigest()[:40]


def proof_key(before, step):
    """A proof depends on the files of a step, or of a wrong turn, and on those of the step where
    its test fails."""
    both = f"{before and key(before.commit)} {key(step.commit)}"
    return hashlib.sha256(both.encode()).hexdigest()[:40]


def pairs(steps, turns=()):
    """Each step with the step before it, then each wrong turn with the step that it is beside."""
    return [*zip([None, *steps], steps, strict=False), *map(wrong_turns.pair, turns)]


def unlisted(pairs, listed):
    """The pairs whose second has no proof of today's files."""
    return [
        (before, step) for before, step in pairs if listed.get(step.slug) != proof_key(before, step)
    ]


def still_valid(pairs, listed):
    """The listed proofs that hold for these pairs: {slug: key}."""
    stale = {step.slug for _, step in unlisted(pairs, listed)}
    return {step.slug: listed[step.slug] for _, step in pairs if step.slug not in stale}

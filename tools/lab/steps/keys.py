"""The key of a step's proof: a hash of everything that the proof ran on."""

import hashlib

from tools.lab.ground.tree import is_tooling
from tools.lab.steps import git

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
    """A step's proof depends on its own files and on those of the step before, where its lesson
    fails."""
    both = f"{before and key(before.commit)} {key(step.commit)}"
    return hashlib.sha256(both.encode()).hexdigest()[:40]


def pairs(steps):
    return list(zip([None, *steps], steps, strict=False))


def unlisted(steps, listed):
    """The pairs of a step before and a step that have no proof of today's files."""
    return [
        (before, step)
        for before, step in pairs(steps)
        if listed.get(step.slug) != proof_key(before, step)
    ]


def still_valid(steps, listed):
    """The listed proofs that hold for these steps: {slug: key}."""
    stale = {step.slug for _, step in unlisted(steps, listed)}
    return {step.slug: listed[step.slug] for step in steps if step.slug not in stale}

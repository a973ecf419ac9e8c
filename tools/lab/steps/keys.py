"""The key of a step's proof: a hash of everything that the proof ran on."""

import hashlib
import re

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
    *AT_EVERY_STEP,
)
SETTINGS = "docs/settings.md"
SETTING = re.compile(r"^\| `(\w+)` \| (.+?) \|", re.MULTILINE)  # and its default
NAME_SETTINGS = ("docker-compose.yml", "extracted", "kit", "monolith")
SERVICE_LOCK = re.compile(r"requirements/(?!(?:lab|system)\.)(\w+)\.(?:in|txt)")


def is_proved_on(path):
    """Whether a proof depends on a file as a whole."""
    return not is_tooling(path) or path.startswith(TOOLING_OF_A_PROOF)


def key(commit):
    """The hash of what a proof of this commit depends on, as a hexadecimal text."""
    entries = git.entries(commit)
    digest = hashlib.sha256()
    for path, entry in sorted(entries.items()):
        if is_proved_on(path) and not is_lock_of_a_later_service(path, entries):
            digest.update(f"{path} {entry}\n".encode())
    if SETTINGS in entries:
        digest.update(f"{documented(commit)}\n".encode())
    return digest.hexdigest()[:40]


def is_lock_of_a_later_service(path, entries):
    """Whether these are the requirements of a service that a tree does not have: a step that adds a
    service leaves the proofs of all earlier steps as they are."""
    name = SERVICE_LOCK.fullmatch(path)
    return bool(name) and f"extracted/{name[1]}/__init__.py" not in entries


def documented(commit):
    """[(setting, default)] of the settings that the code of a step names: its tests read no other
    rows of docs/settings.md, and nothing else of it."""
    words = git.ask("grep", "-ohE", "[A-Z][A-Z0-9_]+", commit, "--", *NAME_SETTINGS, check=False)
    named = set((words or "").split())
    rows = SETTING.findall(git.ask("show", f"{commit}:{SETTINGS}"))
    return [row for row in rows if row[0] in named]


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

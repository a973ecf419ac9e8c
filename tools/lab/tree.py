"""A checkout of the repository at some step, and what the lab may read of it: docs/step-interface.md."""

import shlex
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Tree:
    """A step's files below path; its state lies beside them in .lab/state/<slug>."""

    path: Path

    @property
    def slug(self):
        """NN-slug of the newest lesson; 00-monolith where there is none yet."""
        lessons = sorted(self.path.glob("tests/steps/test_[0-9][0-9]_*.py"))
        return lessons[-1].stem.removeprefix("test_").replace("_", "-") if lessons else "00-monolith"

    @property
    def state(self):
        return self.path / ".lab" / "state" / self.slug

    @property
    def owners(self):
        """Who has a database: the folders of migrations/ that Alembic can run."""
        return sorted(env.parent.name for env in self.path.glob("migrations/*/env.py"))

    def procfile(self):
        """{name: [word of the command, ...]} in the order of the file."""
        lines = [line.partition(":") for line in (self.path / "Procfile").read_text().splitlines() if line.strip() and not line.startswith("#")]
        return {name.strip(): shlex.split(command) for name, _, command in lines}

    def commands(self, kind):
        """The one-off commands of a kind: release or seed."""
        return {name: command for name, command in self.procfile().items() if name.split("-")[0] == kind}

    def processes(self):
        """The commands that run for as long as the system does."""
        return {name: command for name, command in self.procfile().items() if name.split("-")[0] not in ("release", "seed")}

    def owner_of(self, process):
        """Whose database a process works on: its name's first word, or the second of a one-off, or else the monolith's."""
        words = process.split(".")[0].split("-")
        named = words[1:2] if words[0] in ("release", "seed") else words[:1]
        return named[0] if named and named[0] in self.owners else "monolith"


HERE = Tree(Path(__file__).resolve().parents[2])

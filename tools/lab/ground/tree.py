"""A checkout of the repository at some step, and what the lab may read of it:
docs/step-interface.md."""

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

TOOLING = (
    "lab",
    "tools/",
    "requirements/",
    ".ci/",
    ".devcontainer/",
    "pyproject.toml",
    "README.md",
    "LICENSE",
    ".gitignore",
    ".gitattributes",
    ".dockerignore",
    "web/",
    "tests/lab/",
    "docs/",
)
NOT_TOOLING = ("docs/events/",)
SETTING = re.compile(r"^\| `([A-Z][A-Z0-9_]*)` \| ", re.MULTILINE)
# each process has its own, on the loopback address
OF_A_PROCESS = ("HOST", "PORT", "INSTANCE")


@dataclass(frozen=True)
class Route:
    """A line of the facade's routes: the process that answers these methods at these paths, where a
    star stands for anything."""

    name: str
    process: str
    methods: tuple
    paths: tuple


@dataclass(frozen=True)
class Tree:
    """A step's files below path; what it keeps while it runs lies in the .lab of home, which is
    path unless given."""

    path: Path
    elsewhere: Path | None = None

    @property
    def home(self):
        return self.elsewhere or self.path

    @property
    def slug(self):
        """NN-slug of the newest lesson; 00-monolith where there is none yet."""
        lessons = sorted(self.path.glob("tests/steps/test_[0-9][0-9]_*.py"))
        return (
            lessons[-1].stem.removeprefix("test_").replace("_", "-") if lessons else "00-monolith"
        )

    @property
    def state(self):
        return self.home / ".lab" / "state" / self.slug

    @property
    def owners(self):
        """Who has a database: the folders of migrations/ that Alembic can run."""
        return sorted(env.parent.name for env in self.path.glob("migrations/*/env.py"))

    @property
    def topics(self):
        """{name: {partitions, config}} of the topics that its processes talk over; none where there
        is no Kafka yet."""
        path = self.path / "extracted" / "topics.json"
        return json.loads(path.read_text()) if path.exists() else {}

    @property
    def settings(self):
        """The names of the documented settings that apply to all processes."""
        path = self.path / "docs" / "settings.md"
        named = SETTING.findall(path.read_text(encoding="utf-8")) if path.exists() else ()
        return [name for name in named if name not in OF_A_PROCESS]

    def procfile(self):
        """{name: [word of the command, ...]} in the order of the file."""
        lines = [
            line.partition(":")
            for line in (self.path / "Procfile").read_text().splitlines()
            if line.strip() and not line.startswith("#")
        ]
        return {name.strip(): shlex.split(command) for name, _, command in lines}

    def commands(self, kind):
        """The one-off commands of a kind: release or seed."""
        return {
            name: command for name, command in self.procfile().items() if name.split("-")[0] == kind
        }

    def processes(self):
        """The commands that run for as long as the system does."""
        return {
            name: command
            for name, command in self.procfile().items()
            if name.split("-")[0] not in ("release", "seed")
        }

    def routes(self):
        """Who answers what, as the facade's routes say; one route for everything where there is no
        facade."""
        path = self.path / "facade" / "routes"
        if not path.exists():
            return [Route("everything", "web", ("any",), ("/*",))]
        words = [
            line.split()[2:]
            for line in path.read_text().splitlines()
            if line.startswith("import route ")
        ]
        return [
            Route(name, process, tuple(methods.split(",")), tuple(paths))
            for name, process, methods, *paths in words
        ]

    def serves(self, process):
        """Whether a process answers /health/ready at its port: all do but workers, relays and the
        facade, which has no health of its own."""
        return process in self.processes() and process.split("-")[-1] not in (
            "worker",
            "relay",
            "facade",
        )

    def owner_of(self, process):
        """Whose database a process works on: its name's first word, or the second of a one-off, or
        else the monolith's."""
        words = process.split(".")[0].split("-")
        named = words[1:2] if words[0] in ("release", "seed") else words[:1]
        return named[0] if named and named[0] in self.owners else "monolith"


def lesson_of(slug):
    """Where the lesson of a step lies in every tree that has it."""
    return f"tests/steps/test_{slug.replace('-', '_')}.py"


def is_tooling(path):
    """Whether a file is the same at every step, and so lies below the first one."""
    return _among(path, TOOLING) and not _among(path, NOT_TOOLING)


def _among(path, names):
    return any(path.startswith(name) if name.endswith("/") else path == name for name in names)


HERE = Tree(Path(__file__).resolve().parents[3])

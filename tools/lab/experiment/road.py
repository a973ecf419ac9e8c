"""The road from one step to the next: an ordered list of stages, each with its undoing. The later
step has it in migrations/roads/NN-slug.toml, and docs/migrate.md says what a stage can have."""

import tomllib
from dataclasses import dataclass, field

from tools.lab.ground.failed import Failed

THERE, BACK = "there", "back"
BOTH = "both"
NOTHING = "nothing"
COMMON = ("kind", "title", "undo")
FIELDS = {  # of each kind: what it needs, and what else it can have
    "run": ((), ("command", "sql", "rows", "owner", "other", "code", "closed")),
    "start": (("process",), ()),
    "stop": (("process",), ("drops",)),
    "gate": ((), ("command", "sql", "owner", "other", "code", "within")),
    "fence": (("command",), ("owner", "other")),
    "route": (("to",), ()),
    "drain": (("groups",), ("within",)),
    "complete": (("lost",), ("command", "sql", "owner", "other")),
}
ONE_OF = {"run": ("command", "sql", "rows"), "gate": ("command", "sql")}
CHOICES = {
    "to": ("old", "new", BOTH),
    "code": ("old", "new"),
    "closed": (THERE, BACK, BOTH),
}
# the undoing of these kinds follows from what they do; of the others it is a command
UNDONE_BY = {
    "start": ("stop",),
    "stop": ("start",),
    "route": ("route",),
    "gate": ("gate", NOTHING),
    "drain": ("drain", NOTHING),
    "complete": (NOTHING,),
}
TYPES = {
    "groups": (list, "a list"),
    "drops": (list, "a list"),
    "rows": (dict, "a table"),
    "within": (int | float, "a number"),
}
ROWS = {"from", "to", "table", "where"}


@dataclass(frozen=True)
class Stage:
    """A stage of a road; place names it in an error. The other fields are those of the file."""

    place: str
    kind: str
    title: str
    undo: str
    process: str = ""
    command: str = ""
    sql: str = ""
    rows: dict = field(default_factory=dict)  # {from, to, table, where}
    owner: str = "monolith"  # whose database it works on
    other: str = ""  # whose database its command works on, too
    code: str = "new"  # which step's command it is
    to: str = ""  # whose instances get the requests
    groups: tuple = ()
    within: float = 60.0  # seconds
    closed: str = ""  # the way on which nobody answers meanwhile
    drops: tuple = ()  # what dies with the process
    lost: str = ""  # what can no longer be undone, in a sentence

    def wrong(self, name, trouble):
        return wrong(self.place, name, trouble)


def read(tree):
    """The stages of the road to a tree's step; Failed names the stage and the field of an error."""
    path = tree.path / "migrations" / "roads" / f"{tree.slug}.toml"
    if not path.exists():
        raise Failed(f"there is no road to step {tree.slug}: it has no migrations/roads", 2)
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8")).get("stage", [])
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Failed(f"{path.name} cannot be read: {error}", 2) from None
    if not tables:
        raise Failed(f"{path.name} has no [[stage]]", 2)
    return [stage(f"{path.name}, stage {number}", each) for number, each in enumerate(tables, 1)]


def stage(place, given):
    """The Stage that a table of the file describes."""
    check(place, given)
    lists = {name: tuple(value) for name, value in given.items() if isinstance(value, list)}
    return Stage(place, **{**given, **lists})


def check(place, given):
    """Failed if a table is not as docs/migrate.md says."""
    kind = given.get("kind")
    if kind not in FIELDS:
        raise wrong(place, "kind", f"must be one of {', '.join(FIELDS)}")
    needed, possible = FIELDS[kind]
    for name, value in given.items():
        if name not in (*COMMON, *needed, *possible):
            raise wrong(place, name, f"is no field of {kind}")
        _check_value(place, name, value)
    for name in (*COMMON, *needed):
        if not given.get(name):
            raise wrong(place, name, "is missing")
    if kind in ONE_OF and sum(name in given for name in ONE_OF[kind]) != 1:
        raise wrong(place, ONE_OF[kind][0], f"give one of {', '.join(ONE_OF[kind])}")
    if kind in UNDONE_BY and given["undo"] not in UNDONE_BY[kind]:
        raise wrong(place, "undo", f"must be {' or '.join(UNDONE_BY[kind])}")


def _check_value(place, name, value):
    of, called = TYPES.get(name, (str, "a text"))
    if not isinstance(value, of):
        raise wrong(place, name, f"must be {called}")
    if name in CHOICES and value not in CHOICES[name]:
        raise wrong(place, name, f"must be one of {', '.join(CHOICES[name])}")
    if name == "rows" and value.keys() != ROWS:
        raise wrong(place, name, f"needs {', '.join(sorted(ROWS))}")


def wrong(place, name, trouble):
    return Failed(f"{place}, {name}: {trouble}", 2)

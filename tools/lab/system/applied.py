"""The migrations that a state's databases were made with. Alembic runs each once: data that were
made with another version of one may not fit the step."""

import hashlib

from tools.lab.system.state import read, write


def compare(tree, state, key, say):
    """Note which migrations the databases of a state are made with, and say so where a step's
    migrations were others then. key is what the release will be noted with."""
    path = state / "done.json"
    done = read(path)
    today = {
        str(file.relative_to(tree.path)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(tree.path.glob("migrations/*/versions/*.py"))
    }
    # a lab that noted no migrations did note the release
    applied = done.get("migrations", today if done.get("release", key) == key else None)
    if applied is None or any(today.get(name) != was for name, was in applied.items()):
        say(
            "these data were made by another version of this step; where it does not start,"
            f" delete them: ./lab reset {tree.slug.partition('-')[0]}"
        )
    write(path, {**done, "migrations": today if applied is None else {**today, **applied}})

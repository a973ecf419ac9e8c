"""A system that runs already, inside `./lab run`, as a measurement sees it."""

from pathlib import Path

from tools.lab.ground.failed import Failed
from tools.lab.system.state import running


class Attached:
    """Knows the step that the tree has, and the settings that `./lab run` gives its command."""

    def __init__(self, tree, settings):
        if "LAB_STATE" not in settings:
            raise Failed("BASE_URL is set outside ./lab run; unset it to load a new system", 2)
        self.tree = tree
        self.settings = dict(settings)
        self.state = Path(self.settings["LAB_STATE"])

    def pids(self):
        """{process: its id} of those that run, with backing services."""
        noted = running(self.state) or {"children": {}}
        return {name: pid for name, (pid, *_) in noted["children"].items()}

    def to_run(self):
        return self.settings

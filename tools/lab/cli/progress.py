"""How far a long command is: a bar in a terminal, plain lines in a pipe."""

import time
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TextColumn


def minutes(seconds):
    return "less than a minute" if seconds < 60 else f"about {seconds / 60:.0f} min"


class Shown:
    """Says which run is made and how long the rest will take: expected is the number of seconds
    that a run takes, until one is over."""

    def __init__(self, out, bar, total, expected):
        self.out = out
        self.bar = bar
        self.task = bar.add_task("", total=total) if bar else None
        self.total = total
        self.expected = expected
        self.began = None
        self.first = total

    def log(self, line):
        """What is waited for just now; a pipe would have too many of these lines."""
        if self.bar:
            self.bar.update(self.task, description=line)

    def say(self, line):
        """What takes a while now, also for a reader of a pipe."""
        if self.bar:
            self.log(line)
        else:
            self.out.print(line, markup=False, soft_wrap=True)

    def tell(self, title, left):
        """A run begins, and so many are left with it."""
        now = time.monotonic()
        if self.began is None:
            self.began = now
            self.first = left
        elif left < self.first:
            self.expected = (now - self.began) / (self.first - left)
        line = f"{title}: {minutes(left * self.expected)} left"
        if self.bar:
            self.bar.update(self.task, completed=self.total - left, description=line)
        else:
            self.out.print(line, markup=False, soft_wrap=True)


@contextmanager
def shown(out, total, expected):
    """A Shown of so many runs."""
    if not out.is_terminal:
        yield Shown(out, None, total, expected)
        return
    columns = (BarColumn(20), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=out, transient=True) as bar:
        yield Shown(out, bar, total, expected)

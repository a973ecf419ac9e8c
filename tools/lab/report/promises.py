"""The page of the promises, from docs/promises.toml: what is kept from which step on, by which
test, and what is broken where. `python -m tools.lab.report.promises` writes it."""

import re
import tomllib

from tools.lab.ground.tree import HERE

DATA = HERE.path / "docs" / "promises.toml"
PAGE = HERE.path / "docs" / "promises.md"
TABLES = re.compile(r"(?<=<!-- promises -->\n).*(?=<!-- /promises -->)", re.DOTALL)


def read():
    """[{name, means, kept: [{from, until, under, test}], broken: [{from, until, what}]}]"""
    return tomllib.loads(DATA.read_text())["promise"]


def page():
    """The text of the page as it should be."""
    tables = "\n".join(map(section, read()))
    return TABLES.sub(lambda _: tables, PAGE.read_text())


def section(promise):
    lines = [f"## {promise['name']}", "", promise["means"], ""]
    lines += ["| from step | while | test |", "| --- | --- | --- |"]
    lines += [
        f"| {since(kept)} | {kept['under']} | {named(kept['test'])} |" for kept in promise["kept"]
    ]
    broken = [f"- {where(each)}: {each['what']}" for each in promise.get("broken", [])]
    return "\n".join([*lines, "", *(["Broken:", "", *broken, ""] if broken else [])])


def named(test):
    """A test as a link to its file would wrap the table: its file and its words."""
    path, _, name = test.partition("::")
    return f"`{path}`: {name.removeprefix('test_').replace('_', ' ')}"


def since(kept):
    """06, or 00 to 09 for a test that a step has deleted."""
    until = kept.get("until")
    if until == kept["from"]:
        return f"only {until}"
    return f"{kept['from']} to {until}" if until else kept["from"]


def where(broken):
    until = broken.get("until")
    if until is None:
        return f"From step {broken['from']} on"
    return f"Steps {broken['from']} to {until}"


if __name__ == "__main__":
    PAGE.write_text(page())

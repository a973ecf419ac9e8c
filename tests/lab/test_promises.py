"""The page of the promises is up to date, and each of its tests is there."""

import re

import pytest

from tools.lab.ground.tree import HERE
from tools.lab.report import promises

KEPT = [
    pytest.param(kept, id=f"{kept['from']} {kept['test'].partition('::')[2]}")
    for promise in promises.read()
    for kept in promise["kept"]
]


def test_the_page_is_written_from_its_data():
    assert promises.PAGE.read_text() == promises.page()


def test_every_promise_has_a_test_at_the_first_step_or_the_second():
    assert [
        promise["name"]
        for promise in promises.read()
        if min(kept["from"] for kept in promise["kept"]) > "01"
    ] == []


@pytest.mark.parametrize("kept", KEPT)
def test_each_test_is_there_at_its_steps(kept):
    path, _, name = kept["test"].partition("::")
    file = HERE.path / path
    is_there = file.exists() and re.search(rf"^def {name}\(", file.read_text(), re.MULTILINE)

    assert bool(is_there) == (kept["from"] <= HERE.slug[:2] <= kept.get("until", "99"))


@pytest.mark.parametrize(
    "page", [HERE.path / "README.md", *sorted((HERE.path / "docs" / "steps").glob("[0-9]*.md"))]
)
def test_the_first_page_and_the_pages_of_the_steps_link_to_it(page):
    assert re.search(r"\]\((docs|\.\.)/promises\.md\)", page.read_text())

"""The diagrams of the documents can be drawn."""

import re
from importlib.resources import files

import pytest

from tests.lab.shop.conftest import browser  # noqa: F401
from tools.lab.ground.tree import HERE

BLOCK = re.compile(r"^```mermaid\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [
    pytest.param(block, id=f"{page.stem}-{number}")
    for page in sorted((HERE.path / "docs").rglob("*.md"))
    for number, block in enumerate(BLOCK.findall(page.read_text()))
]
DRAW = """async (text) => {
  mermaid.initialize({startOnLoad: false});
  document.body.innerHTML = (await mermaid.render("drawn", text)).svg;
  const box = document.querySelector("svg").getBoundingClientRect();
  return {width: box.width, height: box.height, text: document.body.textContent};
}"""


@pytest.fixture(scope="module")
def draw(browser):  # noqa: F811
    """A function that draws a Mermaid block, and answers {width, height, text} of the drawing."""
    page = browser.new_page()
    page.add_script_tag(path=str(files("mermaidx") / "assets" / "mermaid.js"))
    yield lambda block: page.evaluate(DRAW, block)
    page.close()


def test_the_documents_have_diagrams():
    assert BLOCKS


@pytest.mark.parametrize("block", BLOCKS)
def test_each_diagram_can_be_drawn(draw, block):
    drawn = draw(block)

    assert min(drawn["width"], drawn["height"]) > 100
    for text in re.findall(r"^ *participant \w+ as (.+)$|: (.+)$", block, re.MULTILINE):
        assert plain("".join(text)) in plain(drawn["text"])


def test_a_mistake_in_a_diagram_is_found(draw):
    with pytest.raises(Exception, match="Parse error"):
        draw("sequenceDiagram\n  web-->kafka\n")


def plain(text):
    """Letters and digits: drawing breaks lines, and reads markup."""
    return "".join(re.findall(r"\w", re.sub(r"<br ?/?>", "", text)))

"""The documents agree with the code: commands, links, listings, numbers, headings, settings."""

import re
from collections import defaultdict
from xml.etree import ElementTree

import pytest

from tools.lab.__main__ import lab
from tools.lab.ground.tree import HERE
from tools.lab.report import grounds, noise, store
from tools.lab.steps import chain, git, numbers

DOCUMENTS = sorted([HERE.path / "README.md", *(HERE.path / "docs").rglob("*.md")])
PAGES = sorted((HERE.path / "docs" / "steps").glob("[0-9][0-9]-*.md"))
HEADINGS = {
    "Lesson",
    "Before and after",
    "Read the diff",
    "What can go wrong",
    "Numbers",
    "Go back",
    "Try it",
    "Do not copy",
    "Stop here if",
}
# a number with a unit, or a word for one; "100 ms slower" is a setting of the lab
MEASURED = re.compile(
    r"\d[\d.,]* (?:ms(?! slower)|s|MB|GB|times|requests|a second)\b|\d %"
    r"|\b(?:half|third|twice|next to nothing|as much)\b"
)
LISTING = re.compile(
    r"^```(?:python|sql|yaml|caddyfile) ?(\S*)\n(.*?)^```", re.MULTILINE | re.DOTALL
)


def named(path):
    return str(path.relative_to(HERE.path))


def listings():
    found = [
        (document, *listing)
        for document in DOCUMENTS
        for listing in LISTING.findall(document.read_text())
    ]
    return [pytest.param(*each, id=f"{named(each[0])}: {each[1]}") for each in found]


def file_at_its_step(document, source):
    """The text of a file at the step whose page quotes it, or at the wrong turn whose name stands
    before the file's; for other documents, the text in this checkout."""
    turn, _, source = source.rpartition(":")
    known = chain.read()
    commits = {step.slug: step.commit for step in known.steps}
    commits |= {f"wrong-{slug}": commit for slug, commit in known.wrong}
    commit = commits.get(turn or document.stem)
    return (
        git.ask("show", f"{commit}:{source}") + "\n" if commit else (HERE.path / source).read_text()
    )


def test_the_documented_commands_are_those_of_the_lab():
    commands = (HERE.path / "docs" / "lab.md").read_text().partition("\n## ")[0]
    documented = re.findall(r"^\| `(\w+)` \| ", commands, re.MULTILINE)

    assert sorted(documented) == sorted(lab.commands)


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_command_that_a_document_names_exists(document):
    words = re.findall(r"(?:^|[`(]|\$ )\s*\./lab ([a-z]+)\b", document.read_text(), re.MULTILINE)

    assert set(words) - set(lab.commands) == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_link_of_a_document_leads_somewhere(document):
    links = re.findall(r"\]\(([^)#:]+)[)#]", document.read_text())

    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize(("document", "source", "text"), listings())
def test_every_listing_is_quoted_from_a_file_of_its_step(document, source, text):
    assert source, "a listing names its file behind the language"
    assert text in file_at_its_step(document, source)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_the_page_of_a_step_has_its_headings(page):
    headings = re.findall(r"^## (.+)$", page.read_text(), re.MULTILINE)

    assert set(headings) == HEADINGS


def test_the_numbers_of_every_document_come_from_kept_results():
    documents = numbers.documents()

    assert documents.keys() == {*PAGES, HERE.path / "README.md", grounds.PAGE, noise.PAGE}
    older = [named(path) for path, text in documents.items() if text != path.read_text()]
    assert older == [], "./lab numbers writes them"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_no_sentence_about_numbers_repeats_one(page):
    section = re.search(r"^## Numbers\n.*?(?=^## )", page.read_text(), re.MULTILINE | re.DOTALL)[0]
    sentences = re.sub(r"<!-- numbers -->\n.+<!-- /numbers -->", "", section, flags=re.DOTALL)

    assert sentences != section
    assert MEASURED.findall(sentences) == []


def test_a_decision_is_at_most_forty_lines_with_the_same_headings():
    decisions = sorted((HERE.path / "docs" / "adr").glob("*.md"))

    assert decisions
    for path in decisions:
        assert re.findall(r"^## (.+)$", path.read_text(), re.MULTILINE) == [
            "Problem",
            "Options",
            "Decision",
            "Consequences",
        ], path.name
        assert len(path.read_text().splitlines()) <= 40, path.name


def test_measurements_name_their_machine_and_their_files():
    for path in sorted(store.FOLDER.glob("[0-9]*.json")):
        for result in store.read(path.stem):
            assert "./lab " in result.command
            assert result.kind in store.KINDS
            assert result.machine
            assert result.steps == [path.stem]


def test_the_page_copies_the_inbox_as_its_test_does():
    page = (HERE.path / "docs" / "steps" / "07-notifications.md").read_text()
    test = (HERE.path / "tests" / "extracted" / "notifications" / "test_system.py").read_text()
    done = [re.search(rf'^COPY_{way} = "(.+)"$', test, re.MULTILINE)[1] for way in ("OUT", "IN")]

    command = 'psql $OLD -c "{}" | psql $NEW -c "{}"'.format(*done)
    assert command in " ".join(page.split())


def test_every_documented_setting_is_read_somewhere():
    documented = re.findall(
        r"^\| `([A-Z_]+)` \| ", (HERE.path / "docs" / "settings.md").read_text(), re.MULTILINE
    )
    code = "".join(
        path.read_text()
        for folder in ("kit", "monolith", "extracted")
        for path in (HERE.path / folder).rglob("*.py")
    )

    assert documented
    assert [name for name in documented if f'"{name}"' not in code] == []


@pytest.mark.parametrize(
    "slug", ["00-monolith", "05-tables", "07-notifications", "10-pending", "13-bookings"]
)
def test_the_picture_shows_what_a_step_has(slug):
    commit = next(step.commit for step in chain.read().steps if step.slug == slug)
    processes = re.findall(r"^(\S+):", git.ask("show", f"{commit}:Procfile"), re.MULTILINE)
    folders = git.ask("ls-tree", "-d", "-r", "--name-only", commit).splitlines()

    drawn = drawing(HERE.path / "docs" / "steps.svg", f"step-{slug}")

    assert drawn["process"] == {
        name for name in processes if not name.startswith(("release", "seed"))
    }
    assert drawn["module"] == {name[9:] for name in folders if re.fullmatch(r"monolith/\w+", name)}
    assert drawn["store"] == set(
        re.findall(r"^migrations/(\w+)/versions$", "\n".join(folders), re.M)
    )
    assert bool(drawn["kafka"]) == ("relay" in processes)


def drawing(path, name):
    """{class: texts} of a group of a drawing."""
    tag = "{http://www.w3.org/2000/svg}"
    groups = ElementTree.parse(path).getroot().iter(f"{tag}g")
    found = defaultdict(set)
    for text in next(each for each in groups if each.get("id") == name).iter(f"{tag}text"):
        found[text.get("class")].add(text.text)
    return found

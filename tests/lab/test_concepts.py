"""Each term is defined once, with a file that shows it, and the documents use those terms."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONCEPTS = ROOT / "docs" / "concepts.md"
ENTRY = re.compile(r"^### (.+)\n\n((?:.+\n)+)\n(Shown .+)$", re.MULTILINE)
SHOWN = re.compile(r"Shown (in: `|from step )")
REQUIRED = {
    *("Monolith", "Module", "Service", "Public interface", "Facade", "Strangler fig"),
    *("Stateless process", "Message", "Payload", "Topic", "Partition", "Key", "Offset", "Lag"),
    *("Publisher", "Subscriber", "Consumer", "Consumer group", "Outbox", "Relay", "Inbox"),
    *("Inbox row", "Duplicate", "At-least-once delivery", "Idempotency key", "Dead letter"),
    *("Dead-letter queue", "Snapshot", "Prerequisite", "Backfill", "Drift", "Cut-over"),
    *("Fencing token (epoch)", "Compensation", "Saga", "Eventual consistency", "Invariant"),
    *("Journey", "Lesson", "Mutant", "Road"),
}
OTHERS = ("docs/events/", "docs/measurements/")  # documents that belong to a step, and figures
DOCUMENTS = sorted(
    path
    for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    if not str(path.relative_to(ROOT)).startswith(OTHERS)
)
NOT_PROSE = re.compile(
    r"<!-- numbers -->.*?<!-- /numbers -->|^```.*?^```|^ {4,}\S.*?$|`[^`]*`|\]\([^)]*\)",
    re.MULTILINE | re.DOTALL,
)
QUOTED = re.compile(
    r"<!-- numbers -->.*?<!-- /numbers -->|^```\w+ \S+\n.*?^```", re.MULTILINE | re.DOTALL
)
WORDS = [
    r"(?<!take )(?<!takes )(?<!in )(?<!hard )\bparts?\b(?! of\b)",
    r"\bdoors?\b",
    r"(?<!in )\bfacts?\b",
    r"\breceipts?\b",
    r"(?<!dead )(?<!dead-)\bletters?\b",
    r"\bbur(?:y|ied|ies)\b",
    r"\bputs? (?:it |them )?away\b",
    r"\bannounc\w+",
    r"\bpremises?\b",
    r"\b(?:speaker|listener)s?\b",
    r"\b(?:hears?|heard)\b",
    r"\blisten(?:s|ed)? to\b",
    r"\b(?:is|are|was|were|be|been|being) (?:said|told|heard|asked|noted)\b",
    r"\bwho(?:m)?ever\b",
    r"\blest\b",
    r"\ball else\b",
    r"\bno reason to\b",
    r"\bwhole system\b",
    r"\bhealed\b",
]
NAMES = [
    r"extracted[/.]kit",
    r"monolith/(?:db|fields|refusals|web|log|announce)\.py",
    r"\bfacts\.py",
    r"\btogether\.py",
    r"04[-_]doors",
    r"\blab parts\b",
    r"ce_announced|release-announce",
    r"extracted/\w+/requirements",
]


def named(path):
    return str(path.relative_to(ROOT))


def entries():
    return ENTRY.findall(CONCEPTS.read_text())


def found(patterns, text):
    return [match.group() for pattern in patterns for match in re.finditer(pattern, text, re.I)]


def prose(text):
    """The text without code, listings, link targets and generated tables."""
    return " ".join(NOT_PROSE.sub("", text).split())


def test_every_term_is_defined_once():
    headings = re.findall(r"^### (.+)$", CONCEPTS.read_text(), re.MULTILINE)

    assert [term for term, count in Counter(headings).items() if count > 1] == []
    assert REQUIRED - set(headings) == set()
    assert [term for term, *_ in entries()] == headings


def test_the_index_lists_every_term_in_order():
    index = CONCEPTS.read_text().partition("**Index:**")[2].partition("\n## ")[0]

    listed = re.findall(r"\[([^]]+)\]\(#", index)

    assert listed == sorted((term for term, *_ in entries()), key=str.lower)


def test_a_definition_is_at_most_three_sentences():
    definitions = {term: re.sub(r"\s*\(.*?\)", "", text) for term, text, _ in entries()}

    long = [term for term, text in definitions.items() if len(re.findall(r"[.:](?=\s)", text)) > 4]

    assert long == []


def test_every_file_that_shows_a_term_exists():
    shown = {term: re.findall(r"`([^`]+)`", where) for term, _, where in entries()}

    pairs = [(term, path) for term, paths in shown.items() for path in paths]

    assert [pair for pair in pairs if not (ROOT / pair[1]).exists()] == []
    assert [
        term for term, _, where in entries() if not re.match(r"Shown (in: `|from step )", where)
    ] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_a_document_uses_the_words_of_the_concepts(document):
    assert found(WORDS, prose(document.read_text())) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_a_document_names_no_file_or_command_that_was_renamed(document):
    text = QUOTED.sub("", document.read_text())

    assert found(NAMES, text) == []


def test_the_table_of_subscribers_names_everybody_who_reads_a_topic():
    table = CONCEPTS.read_text().partition("Who reads what")[2].partition("\n\n## ")[0]
    read, topic = set(), ""
    for named_topic, _, readers, _ in re.findall(
        r"^\| (.*?) ?\| (.*?) ?\| (.+?) \| (.+?) \|$", table, re.M
    ):
        topic = named_topic.strip("`") or topic
        read |= {(topic, reader.removeprefix("the ")) for reader in readers.split(", ")}

    code = {}
    for path in [*ROOT.glob("extracted/*/*.py"), *ROOT.glob("monolith/*/*.py")]:
        for topics in re.findall(r"^TOPICS = (\(.*\))$", path.read_text(), re.M):
            code |= dict.fromkeys((topic, path.parent.name) for topic in ast.literal_eval(topics))

    assert code
    assert code.keys() - read == set()

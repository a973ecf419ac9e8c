"""The numbers in the documents, written from the kept results."""

from tools.lab.experiment.origin import digest_of
from tools.lab.report import markdown, store
from tools.lab.steps import chain as chains


def keep(result):
    """Keep a result, and write it into the documents."""
    store.keep(result)
    write()


def write():
    """Write the numbers into every document; the paths of those that changed."""
    changed = {path: text for path, text in documents().items() if path.read_text() != text}
    for path, text in changed.items():
        path.write_text(text)
    return list(changed)


def documents():
    """{path: text as it should be} of every document with numbers."""
    files = {step.slug: digest_of(step.commit) for step in chains.read().steps}
    kept = markdown.Kept.read(files)
    return {
        markdown.PAGES / f"{slug}.md": markdown.page(slug, kept)
        for slug in files
        if (markdown.PAGES / f"{slug}.md").exists()
    }

"""The numbers in the documents, written from the kept results."""

from tools.lab.experiment.facts import CHANGES, PROCESSES
from tools.lab.experiment.origin import digest_of
from tools.lab.report import grounds, markdown, noise, readme, store
from tools.lab.report.kept import Kept
from tools.lab.steps import chain as chains
from tools.lab.steps import changes, listing


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
    steps = chains.read().steps
    files = {step.slug: digest_of(step.commit) for step in steps}
    kept = Kept.read(files, facts(steps) if files else {})
    pages = {
        markdown.PAGES / f"{slug}.md": markdown.page(slug, kept)
        for slug in files
        if (markdown.PAGES / f"{slug}.md").exists()
    }
    if not pages:
        return {}
    return {
        **pages,
        readme.PAGE: readme.page(kept),
        grounds.PAGE: grounds.page(kept),
        noise.PAGE: noise.page(store.noise()),
    }


def facts(steps):
    """{slug: what git tells of a step}"""
    made = changes.figures()
    return {
        step.slug: {
            PROCESSES: len(listing.processes(step)),
            CHANGES: {
                name: [at[step.slug].files, at[step.slug].lines, len(at[step.slug].processes)]
                for name, at in made.items()
            },
        }
        for step in steps
    }

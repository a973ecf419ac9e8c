"""Blocks of Markdown."""

import textwrap

WIDTH = 100


def table(names, rows, words=1):
    """A table whose first columns have words; those of numbers are aligned on the right."""
    lines = [names, ["---"] * words + ["---:"] * (len(names) - words), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def said(*blocks):
    """Tables as they are, and paragraphs in lines."""
    return "\n\n".join(block if block[0] in "|<" else filled(block) for block in blocks) + "\n"


def filled(paragraph):
    return textwrap.fill(paragraph, WIDTH, break_long_words=False, break_on_hyphens=False)

"""What a line of the log may show."""

import json
import logging

import pytest

from kit import log


@pytest.fixture
def line_of():
    """The text of a log line with these fields."""

    def line_of(message, error=None, **more):
        raised = error and (type(error), error, error.__traceback__)
        record = logging.LogRecord("kit", logging.INFO, "kit.py", 1, message, (), raised)
        record.__dict__.update(more)
        return log.Formatter().format(record)

    return line_of


@pytest.mark.parametrize(
    ("text", "logged"),
    [
        ("no mailbox <ada.l+x@encore.example>", "no mailbox <***@encore.example>"),
        (
            "'ada@encore.example', 'bob@encore.example'",
            "'***@encore.example', '***@encore.example'",
        ),
        ("two lines\nada@encore.example", "two lines\n***@encore.example"),
        ("smtp://shop:secret@mail.example", "smtp://shop:***@mail.example"),
    ],
)
def test_a_line_has_no_whole_address(line_of, text, logged):
    line = json.loads(line_of("mail", reason=text))

    assert line["reason"] == logged


def test_a_stack_trace_has_no_whole_address(line_of):
    error = ValueError("[parameters: {'email': 'ada@encore.example'}]")

    line = line_of("unexpected", error)

    assert "'***@encore.example'" in line
    assert "ada@" not in line


def test_control_characters_are_escaped(line_of):
    line = line_of("dead letter \x1b[2J", cause="\x9b2J\0\n\u202e")

    assert line.isprintable()
    assert line.isascii()

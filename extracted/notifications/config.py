"""The settings of notifications."""

import os

from extracted.kit.settings import DATABASE, KAFKA, PROCESS, REQUIRED, or_exit, parse, url, word

SETTINGS = {
    **DATABASE,
    **KAFKA,
    "SMTP_URL": (url("smtp", "smtps"), REQUIRED),
    "MAIL_FROM": (word, "tickets@encore.example"),
    **PROCESS,
}


def from_environment(environ=os.environ):
    """{name in lower case: value}, or one line on standard error and exit code 2."""
    return or_exit(parse, SETTINGS, environ)

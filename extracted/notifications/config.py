"""The settings of notifications; docs/settings.md says what each is for."""

from kit.settings import DATABASE, KAFKA, PROCESS, REQUIRED, or_exit, parse, url, word

SETTINGS = {
    **DATABASE,
    **KAFKA,
    "SMTP_URL": (url("smtp", "smtps"), REQUIRED),
    "MAIL_FROM": (word, "tickets@encore.example"),
    **PROCESS,
}


def from_environment(environ):
    """The settings in environ, or one line on standard error and exit code 2."""
    return or_exit(parse, SETTINGS, environ)

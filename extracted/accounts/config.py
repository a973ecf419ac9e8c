"""The settings of accounts; docs/settings.md says what each is for."""

from extracted.accounts.keys import belong_together, private_key
from kit.settings import DATABASE, PROCESS, REQUIRED, WEB, Misconfigured, or_exit
from kit.settings import parse as parse_table
from kit.tokens import public_keys

SETTINGS = {
    **DATABASE,
    "SESSION_KEY": (private_key, REQUIRED),
    "SESSION_PUBLIC_KEYS": (public_keys, REQUIRED),
    **WEB,
    **PROCESS,
}


def parse(environ):
    """The settings in environ; Misconfigured names the first that is missing or wrong."""
    settings = parse_table(SETTINGS, environ)
    if not belong_together(settings.session_key, settings.session_public_keys):
        raise Misconfigured("SESSION_PUBLIC_KEYS has no key that belongs to SESSION_KEY")
    return settings


def from_environment(environ):
    """The settings in environ, or one line on standard error and exit code 2."""
    return or_exit(parse, environ)

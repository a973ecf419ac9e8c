"""The settings of the monolith's processes; docs/settings.md says what each is for."""

from kit.settings import DATABASE, PROCESS, REQUIRED, WEB, Misconfigured, or_exit, whole
from kit.settings import parse as parse_table
from kit.tokens import public_keys
from monolith.accounts.keys import belong_together, private_key

SETTINGS = {
    **DATABASE,
    "SESSION_KEY": (private_key, REQUIRED),
    "SESSION_PUBLIC_KEYS": (public_keys, REQUIRED),
    "HOLD_SECONDS": (whole(1, 86_400), 600),
    "PENDING_SECONDS": (whole(1, 86_400), 900),
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

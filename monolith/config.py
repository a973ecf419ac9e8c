"""The settings of the monolith's processes; docs/settings.md says what each is for."""

from kit.settings import DATABASE, PROCESS, REQUIRED, WEB, or_exit, parse
from kit.tokens import public_keys

SETTINGS = {
    **DATABASE,
    "SESSION_PUBLIC_KEYS": (public_keys, REQUIRED),
    **WEB,
    **PROCESS,
}


def from_environment(environ):
    """The settings in environ, or one line on standard error and exit code 2."""
    return or_exit(parse, SETTINGS, environ)

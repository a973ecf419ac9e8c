"""The settings of bookings; docs/settings.md says what each is for."""

from kit.settings import DATABASE, KAFKA, PROCESS, REQUIRED, WEB, or_exit, parse, whole
from kit.tokens import public_keys

PENDING = {"PENDING_SECONDS": (whole(1, 86_400), 900)}
OF_WEB = {
    **DATABASE,
    "SESSION_PUBLIC_KEYS": (public_keys, REQUIRED),
    "HOLD_SECONDS": (whole(1, 86_400), 600),
    **PENDING,
    **WEB,
    **PROCESS,
}
OF_WORKER = {**DATABASE, **KAFKA, **PENDING, **PROCESS}


def for_web(environ):
    """The settings in environ, or one line on standard error and exit code 2."""
    return or_exit(parse, OF_WEB, environ)


def for_worker(environ):
    """The settings in environ, or one line on standard error and exit code 2."""
    return or_exit(parse, OF_WORKER, environ)

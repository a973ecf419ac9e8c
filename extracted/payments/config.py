"""The settings of payments; docs/settings.md says what each is for."""

from kit.settings import DATABASE, KAFKA, PROCESS, REQUIRED, WEB, or_exit, parse, url, whole, word
from kit.tokens import public_keys

OF_WEB = {
    **DATABASE,
    "SESSION_PUBLIC_KEYS": (public_keys, REQUIRED),
    **WEB,
    **PROCESS,
}
OF_WORKER = {
    **DATABASE,
    **KAFKA,
    "STRIPE_API_KEY": (word, REQUIRED),
    "STRIPE_API_BASE": (url("http", "https"), "https://api.stripe.com"),
    "STRIPE_TIMEOUT_SECONDS": (whole(1, 80), 8),
    **PROCESS,
}


def for_web(environ):
    """The settings in environ, or one line on standard error and exit code 2."""
    return or_exit(parse, OF_WEB, environ)


def for_worker(environ):
    """The settings in environ, or one line on standard error and exit code 2."""
    return or_exit(parse, OF_WORKER, environ)

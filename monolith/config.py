"""The settings of the monolith's processes."""

from dataclasses import dataclass

from extracted.kit.settings import DATABASE, PROCESS, REQUIRED, Misconfigured, or_exit, url, whole, word
from extracted.kit.settings import parse as read
from monolith.accounts import keys

SETTINGS = {
    **DATABASE,
    "STRIPE_API_KEY": (word, REQUIRED),
    "SESSION_KEY": (keys.private, REQUIRED),
    "SESSION_PUBLIC_KEYS": (keys.public, REQUIRED),
    "STRIPE_API_BASE": (url("http", "https"), "https://api.stripe.com"),
    "STRIPE_TIMEOUT_SECONDS": (whole(1, 80), 8),
    "HOLD_SECONDS": (whole(1, 86_400), 600),
    "DRAIN_SECONDS": (whole(0, 60), 1),
    "HOST": (word, "127.0.0.1"),
    "PORT": (whole(0, 65_535), 8000),
    "THREADS": (whole(1, 100), 16),
    **PROCESS,
}


@dataclass(frozen=True)
class Settings:
    """What one process needs to know; docs/settings.md says what each setting is for."""

    database_url: str
    stripe_api_key: str
    session_key: tuple
    session_public_keys: dict
    stripe_api_base: str
    stripe_timeout_seconds: int
    hold_seconds: int
    drain_seconds: int
    host: str
    port: int
    threads: int
    instance: str
    log_level: str
    otel_exporter_otlp_endpoint: str | None = None
    otel_traces_sampler_arg: float = 1.0
    trace_folder: str | None = None


def parse(environ):
    """Settings of environ; Misconfigured names the first that is missing or wrong."""
    values = read(SETTINGS, environ)
    if not keys.belong_together(values["session_key"], values["session_public_keys"]):
        raise Misconfigured("SESSION_PUBLIC_KEYS has no key that belongs to SESSION_KEY")
    return Settings(**values)


def from_environment(environ):
    """Settings of environ, or one line on standard error and exit code 2."""
    return or_exit(parse, environ)

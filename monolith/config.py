"""The settings: every one comes from the environment, and is read here only."""

import sys
from dataclasses import dataclass
from urllib.parse import urlsplit

from monolith.accounts import keys


class Misconfigured(ValueError):
    """A setting that is missing or wrong; the message names it."""


def url(*schemes):
    def parse(text):
        parts = urlsplit(text)
        parts.port  # noqa: B018 - raises ValueError where the port is not a number
        if parts.scheme not in schemes or not parts.hostname:
            raise ValueError(f"is not a URL that begins with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        return text

    return parse


def whole(low, high):
    def parse(text):
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            raise ValueError(f"is not a whole number from {low} to {high}")
        return int(text)

    return parse


def one_of(*choices):
    def parse(text):
        if text not in choices:
            raise ValueError(f"is not one of {', '.join(choices)}")
        return text

    return parse


def word(text):
    if not text.isprintable() or " " in text:
        raise ValueError("is not a single word")
    return text


REQUIRED = object()

SETTINGS = {
    "DATABASE_URL": (url("postgresql"), REQUIRED),
    "SMTP_URL": (url("smtp", "smtps"), REQUIRED),
    "STRIPE_API_KEY": (word, REQUIRED),
    "SESSION_KEY": (keys.private, REQUIRED),
    "SESSION_PUBLIC_KEYS": (keys.public, REQUIRED),
    "STRIPE_API_BASE": (url("http", "https"), "https://api.stripe.com"),
    "STRIPE_TIMEOUT_SECONDS": (whole(1, 80), 8),
    "MAIL_FROM": (word, "tickets@encore.example"),
    "HOLD_SECONDS": (whole(1, 86_400), 600),
    "DRAIN_SECONDS": (whole(0, 60), 1),
    "HOST": (word, "127.0.0.1"),
    "PORT": (whole(0, 65_535), 8000),
    "THREADS": (whole(1, 100), 16),
    "INSTANCE": (word, "web"),
    "LOG_LEVEL": (one_of("DEBUG", "INFO", "WARNING", "ERROR"), "INFO"),
}


@dataclass(frozen=True)
class Settings:
    """What one process needs to know; docs/settings.md says what each setting is for."""

    database_url: str
    smtp_url: str
    stripe_api_key: str
    session_key: tuple
    session_public_keys: dict
    stripe_api_base: str
    stripe_timeout_seconds: int
    mail_from: str
    hold_seconds: int
    drain_seconds: int
    host: str
    port: int
    threads: int
    instance: str
    log_level: str


def parse(environ):
    """Settings of environ; Misconfigured names the first that is missing or wrong."""
    values = {}
    for name, (read, default) in SETTINGS.items():
        text = environ.get(name, "")
        if not text and default is REQUIRED:
            raise Misconfigured(f"{name} is not set")
        try:
            values[name.lower()] = read(text) if text else default
        except ValueError as problem:
            raise Misconfigured(f"{name} {problem}") from None
    if not keys.belong_together(values["session_key"], values["session_public_keys"]):
        raise Misconfigured("SESSION_PUBLIC_KEYS has no key that belongs to SESSION_KEY")
    return Settings(**values)


def from_environment(environ):
    """Settings of environ, or one line on standard error and exit code 2."""
    try:
        return parse(environ)
    except Misconfigured as problem:
        print(f"encore: {problem} (see docs/settings.md)", file=sys.stderr)
        sys.exit(2)

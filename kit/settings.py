"""Settings come from the environment, and are read once, where a process starts.

A table {name: (parser, default)} lists the settings of a process. A parser takes the text, and
returns the value or raises ValueError."""

import re
import sys
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

REQUIRED = object()
# In lower case, and without the port that the scheme stands for.
ORIGIN = re.compile(r"(http(?!.*:80$)|https(?!.*:443$))://([a-z0-9.-]+|\[[0-9a-f:]+])(:[0-9]+)?")


class Misconfigured(ValueError):
    """A setting is missing or wrong; the message names it."""


def url(*schemes):
    """A URL with one of these schemes and a host."""

    def parse(text):
        parts = urlsplit(text)
        parts.port  # noqa: B018 - raises ValueError where the port is not a number
        if parts.scheme not in schemes or not parts.hostname:
            beginnings = " or ".join(f"{scheme}://" for scheme in schemes)
            raise ValueError(f"is not a URL that begins with {beginnings}")
        return text

    return parse


def database(text):
    """The URL of a database of PostgreSQL, with its user: roles begin with that name."""
    if not urlsplit(url("postgresql")(text)).username:
        raise ValueError("names no user")
    return text


def origin(text):
    """The scheme, host and port of a site, as browsers send them in Origin."""
    if not ORIGIN.fullmatch(url("http", "https")(text)):
        raise ValueError("is not an origin as browsers send it, such as https://tickets.example")
    return text


def whole(low, high):
    """A whole number from low to high."""

    def parse(text):
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            raise ValueError(f"is not a whole number from {low} to {high}")
        return int(text)

    return parse


def one_of(*choices):
    """One of these words."""

    def parse(text):
        if text not in choices:
            raise ValueError(f"is not one of {', '.join(choices)}")
        return text

    return parse


def word(text):
    """Printable characters without a space."""
    if not text.isprintable() or " " in text:
        raise ValueError("is not a single word")
    return text


def addresses(text):
    """[host:port, ...] from addresses with commas between."""
    for each in text.split(","):
        host, _, port = each.rpartition(":")
        if not host or not port.isdigit():
            raise ValueError("is not HOST:PORT, or several with commas between")
    return text.split(",")


def file(text):
    """The path of a file that exists."""
    if not Path(text).is_file():
        raise ValueError("is not the path of a file")
    return text


def folder(text):
    """The path of a folder that exists."""
    if not Path(text).is_dir():
        raise ValueError("is not the path of a folder")
    return text


def share(text):
    """A number from 0 to 1."""
    if not re.fullmatch(r"0|1|[01]?\.[0-9]+", text) or not 0 <= float(text) <= 1:
        raise ValueError("is not a number from 0 to 1")
    return float(text)


DATABASE = {"DATABASE_URL": (database, REQUIRED)}
PROCESS = {
    "INSTANCE": (word, "web"),
    "LOG_LEVEL": (one_of("DEBUG", "INFO", "WARNING", "ERROR"), "INFO"),
    "OTEL_EXPORTER_OTLP_ENDPOINT": (url("http", "https"), None),
    "OTEL_TRACES_SAMPLER_ARG": (share, 1),
    "TRACE_FOLDER": (folder, None),
}
WEB = {
    "DRAIN_SECONDS": (whole(0, 60), 2),
    "HOST": (word, "127.0.0.1"),
    "PORT": (whole(0, 65_535), 8000),
    "PUBLIC_ORIGIN": (origin, None),
    "THREADS": (whole(1, 100), 16),
}
KAFKA = {
    "KAFKA_BOOTSTRAP_SERVERS": (addresses, REQUIRED),
    "KAFKA_SECURITY_PROTOCOL": (
        one_of("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"),
        "PLAINTEXT",
    ),
    "KAFKA_SASL_MECHANISM": (one_of("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"), None),
    "KAFKA_SASL_USERNAME": (word, None),
    "KAFKA_SASL_PASSWORD": (word, None),
    "KAFKA_CA_FILE": (file, None),
}


def parse(table, environ):
    """The settings of a table, each an attribute with its name in lower case.

    Misconfigured names the first that is missing or wrong."""
    values = {}
    for name, (parser, default) in table.items():
        text = environ.get(name, "")
        if not text and default is REQUIRED:
            raise Misconfigured(f"{name} is not set")
        try:
            values[name.lower()] = parser(text) if text else default
        except ValueError as problem:
            raise Misconfigured(f"{name} {problem}") from None
    return SimpleNamespace(**values)


def or_exit(parse, *arguments):
    """The answer of parse(*arguments); or one line on standard error and exit code 2."""
    try:
        return parse(*arguments)
    except Misconfigured as problem:
        print(f"encore: {problem} (see docs/settings.md)", file=sys.stderr)
        sys.exit(2)

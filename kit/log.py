"""One JSON object a line on standard output, with the request or message that it belongs to."""

import logging.config
import re
from contextvars import ContextVar

from pythonjsonlogger.json import JsonFormatter

# What every line carries; never changed, only replaced.
context = ContextVar("context", default={})  # noqa: B039
# what an e-mail address has before its domain
MAILBOX = re.compile(r"""(?<![^\s@<>"'()=:,;/])[^\s@<>"'()=:,;/]+@""")


class Formatter(JsonFormatter):
    def __init__(self):
        super().__init__(
            "%(levelname)s %(name)s %(message)s",
            rename_fields={"levelname": "level", "name": "logger"},
            timestamp="time",
        )

    def add_fields(self, log_data, record, message_dict):
        super().add_fields(log_data, record, message_dict)
        log_data.update(context.get())

    def process_log_record(self, log_data):
        """The fields of a line, with no whole e-mail address: more people read logs than mail."""
        return {
            name: MAILBOX.sub("***@", value) if isinstance(value, str) else value
            for name, value in log_data.items()
        }


def config(level):
    """The dictConfig of a process that logs at level and above."""
    stdout = {
        "class": "logging.StreamHandler",
        "stream": "ext://sys.stdout",
        "formatter": "json",
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": Formatter}},
        "handlers": {"stdout": stdout},
        "root": {"level": level, "handlers": ["stdout"]},
        "loggers": {
            "gunicorn.error": {"level": "INFO", "propagate": True, "handlers": []},
            "gunicorn.access": {"level": "ERROR", "propagate": True, "handlers": []},
            "kafka.cluster": {"level": "CRITICAL"},  # names a missing topic ten times a second
            "stripe": {"level": "WARNING"},
        },
    }


def configure(level):
    logging.config.dictConfig(config(level))

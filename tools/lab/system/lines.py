"""How a line of a process is shown to a person: a request in one short line, other lines of JSON in
the order that a person reads them. The log files have everything."""

from dataclasses import dataclass

from tools.lab.ground.http import as_object

SHORT_ID = 8  # characters of a request's id
NARROWEST = 16  # columns of a path
OF_THE_LAB = "lab"  # the id of the requests with which the lab itself looks whether a step is ready
OTHERS = ("gunicorn.", "kafka.")
SHOWN_APART = ("time", "level", "message", "logger", "trace_id")


@dataclass(frozen=True)
class Line:
    """What is shown of a line; path is the middle of it, which may be cut, or empty."""

    moment: str
    before: str
    path: str = ""
    after: str = ""

    def text(self, width):
        """The line in width columns, if its path is long enough to be cut for that."""
        room = max(NARROWEST, width - len(self.before) - len(self.after))
        path = self.path if len(self.path) <= room else f"{self.path[: room - 3]}..."
        return self.before + path + self.after


def readable(name, line):
    """The Line to show for what the process name has printed; None if it is not worth showing."""
    entry = as_object(line)
    if is_routine(name, line, entry):
        return None
    if not {"time", "level", "message"} <= entry.keys():
        return Line("", printable(line))
    moment, message = str(entry["time"])[11:19], entry["message"]
    try:
        if message == "handled request":
            return _of_facade(moment, entry)
        if message == "request":
            return _request(moment, **{key: entry.get(key, "") for key in REQUEST})
    except (KeyError, TypeError, ValueError, AttributeError):
        pass  # a line of somebody else's, which only begins alike
    more = (f"{key}={value}" for key, value in entry.items() if key not in SHOWN_APART)
    return Line(moment, printable(" ".join([str(entry["level"]), str(message), *more])))


REQUEST = ("method", "path", "status", "ms", "request_id")


def is_routine(name, line, entry):
    """Whether a line tells only that the lab looks, or that a program of others, such as Caddy,
    works as it shall."""
    if entry.get("request_id") == OF_THE_LAB:
        return True
    if name.startswith("postgres"):
        return " LOG: " in line or "the database system is starting up" in line
    if name == "facade":
        return entry.get("level") in ("INFO", "WARN") and entry.get("message") != "handled request"
    return str(entry.get("logger")).startswith(OTHERS) and entry.get("level") == "INFO"


def _of_facade(moment, entry):
    """What passed the facade is shown where a process logs it, and here only if it reached none."""
    if "X-Served-By" in entry["resp_headers"]:
        return None
    request, ms = entry["request"], entry["duration"] * 1000
    sent_id = entry.get("request_id", "")
    return _request(moment, request["method"], request["uri"], entry["status"], ms, sent_id)


def _request(moment, method, path, status, ms, request_id):
    after = f" {status} {float(ms):.0f} ms {str(request_id)[:SHORT_ID]}"
    return Line(moment, f"{printable(method)} ", printable(path), printable(after))


def printable(text):
    """The text with everything escaped that a terminal would take for a command."""
    shown = (each if each.isprintable() else repr(each)[1:-1] for each in text.expandtabs())
    return "".join(shown)

"""The requests of a running system, from the lines that its processes log about them."""

import time
from collections import Counter, defaultdict, deque
from datetime import datetime
from typing import NamedTuple

from tools.lab.ground.http import as_object
from tools.lab.measure.load_figures import percentile
from tools.lab.system.lines import is_routine

WINDOW = 10.0  # seconds
FACADE = "facade"


class Request(NamedTuple):
    """A request that a process has answered; at is seconds since 1970."""

    process: str
    at: float
    ms: float
    status: int
    method: str = ""
    path: str = ""
    served_by: str = ""


class Requests:
    """How many requests each process has answered since somebody watches, and how fast it answered
    those of the last seconds."""

    def __init__(self):
        self.counts = Counter()  # {process: requests}
        self.served = Counter()  # {process: those that the facade sent to it}
        self.recent = defaultdict(deque)
        self.booked = deque(maxlen=200)  # the requests that were answered with a new booking

    def add(self, name, line):
        """Count the request that a line of the process name is about, if it is about one."""
        request = read(name, line)
        if request is None:
            return
        self.counts[name] += 1
        self.recent[name].append(request)
        if name == FACADE:
            self.served[request.served_by] += 1
        elif (request.method, request.path, request.status) == ("POST", "/api/bookings", 201):
            self.booked.append(request)

    def figures(self, now=None):
        """{process: {count, p50, p95, failed}}, where all but the count are of the last seconds; in
        milliseconds."""
        since = (now or time.time()) - WINDOW
        return {
            name: {"count": self.counts[name], **self._recent(name, since)} for name in self.recent
        }

    def begin(self):
        """Count from now on."""
        self.counts.clear()
        self.served.clear()

    def _recent(self, name, since):
        requests = self.recent[name]
        while requests and requests[0].at < since:
            requests.popleft()
        if not requests:
            return {}
        took = [request.ms for request in requests]
        failed = sum(request.status >= 500 or not request.status for request in requests)
        return {"p50": percentile(took, 50), "p95": percentile(took, 95), "failed": failed}


def read(name, line):
    """The Request that a line of a process is about; None for any other line, and for the requests
    with which the lab itself looks."""
    entry = as_object(line)
    if is_routine(name, line, entry):
        return None
    try:
        if entry.get("message") == "handled request":
            return _of_facade(name, entry)
        if entry.get("message") == "request":
            return Request(
                name,
                moment(entry["time"]),
                float(entry["ms"]),
                entry["status"],
                entry["method"],
                entry["path"],
            )
    except (KeyError, TypeError, ValueError, AttributeError):
        pass  # a line of somebody else's, which only begins alike
    return None


def _of_facade(name, entry):
    served_by = entry["resp_headers"].get("X-Served-By", [""])[0]
    return Request(
        name,
        moment(entry["time"]),
        entry["duration"] * 1000,
        entry["status"],
        entry["request"]["method"],
        entry["request"]["uri"],
        served_by,
    )


def moment(text):
    """Seconds since 1970 of a time in ISO 8601."""
    return datetime.fromisoformat(text).timestamp()

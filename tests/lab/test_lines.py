import json

import pytest

from tools.lab.system.lines import readable

REQUEST = {
    "level": "INFO",
    "logger": "kit.http",
    "message": "request",
    "method": "GET",
    "path": "/api/events",
    "status": 200,
    "ms": 12.34,
    "request_id": "0123456789abcdef",
    "time": "2030-01-02T03:04:05.678901+00:00",
}
FACADE = {
    "level": "INFO",
    "time": "2030-01-02T03:04:05.678901+00:00",
    "logger": "http.log.access.log0",
    "message": "handled request",
    "request": {"method": "GET", "uri": "/", "headers": {"User-Agent": ["x"]}},
    "duration": 0.0021,
    "status": 200,
    "resp_headers": {},
    "request_id": "0123456789abcdef",
}


def shown(name, entry, width=62):
    line = readable(name, entry if isinstance(entry, str) else json.dumps(entry))
    return line and (line.moment, line.text(width))


def test_a_request_is_one_short_line():
    assert shown("web", REQUEST) == ("03:04:05", "GET /api/events 200 12 ms 01234567")


def test_a_long_path_is_cut_to_the_width():
    moment, text = shown("web", REQUEST | {"path": "/" + "x" * 200})

    assert len(text) == 62
    assert text.startswith("GET /xxx")
    assert text.endswith("x... 200 12 ms 01234567")


def test_what_a_process_answered_is_not_shown_for_the_facade_too():
    assert shown("facade", FACADE | {"resp_headers": {"X-Served-By": ["web"]}}) is None
    assert shown("facade", FACADE) == ("03:04:05", "GET / 200 2 ms 01234567")


def test_the_labs_own_questions_are_not_shown():
    assert shown("web", REQUEST | {"request_id": "lab"}) is None
    assert shown("facade", FACADE | {"request_id": "lab"}) is None


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("facade", FACADE | {"message": "admin endpoint started"}),
        ("web", REQUEST | {"message": "Booting worker", "logger": "gunicorn.error"}),
        ("relay", REQUEST | {"message": "Connected", "logger": "kafka.conn"}),
        ("postgres", "2030-01-02 03:04:05 UTC [1] LOG:  checkpoint starting"),
    ],
)
def test_routine_lines_of_programs_of_others_are_left_to_the_log_files(name, line):
    assert shown(name, line) is None


def test_a_json_line_is_shown_as_a_person_reads_it():
    line = {"level": "ERROR", "logger": "x", "message": "database", "error": "gone"}
    line["time"] = REQUEST["time"]

    assert shown("web", line) == ("03:04:05", "ERROR database error=gone")


@pytest.mark.parametrize("line", ["plain", '{"time": 1}', "[]", '{"message": "request"'])
def test_any_other_line_is_shown_as_it_is(line):
    assert shown("web", line) == ("", line)


def test_a_line_that_only_begins_like_a_request_is_shown_all_the_same():
    assert shown("web", REQUEST | {"ms": "soon"})[1].startswith("INFO request method=GET")
    assert shown("facade", FACADE | {"duration": None})[1].startswith("INFO handled request")


def test_nothing_that_a_terminal_takes_for_a_command_reaches_it():
    assert shown("web", "\x1b[2Jgone\u202e") == ("", r"\x1b[2Jgone\u202e")
    assert "\x1b" not in shown("web", REQUEST | {"path": "/\x1b[2J"})[1]

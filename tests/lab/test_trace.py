"""`./lab trace`: what belongs to one booking, found without knowing any table."""

import io
import re
import secrets

import pytest
from opentelemetry import trace as otel
from opentelemetry.exporter.otlp.json.file import FileSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from rich.console import Console

from tools.lab.ground.failed import Failed
from tools.lab.ground.http import Client
from tools.lab.look import trace


def book(settings):
    """Book the first free seat of the first event, as the fan of the system with these settings;
    returns the booking's id."""
    fan = Client(settings["BASE_URL"])
    fan.request(
        "POST",
        "/api/sessions",
        json={"email": "fan@encore.example", "password": settings["FAN_PASSWORD"]},
    )
    event = fan.request("GET", "/api/events").json["items"][0]["id"]
    seat = next(
        seat["id"]
        for seat in fan.request("GET", f"/api/events/{event}/seats").json["items"]
        if seat["status"] == "free"
    )
    hold = fan.request("POST", f"/api/events/{event}/holds", json={"seats": [seat]}).json["id"]
    return fan.request(
        "POST", "/api/bookings", json={"hold_id": hold, "payment_method": "pm_card_visa"}
    ).json["id"]


def tracer(folder, name):
    provider = TracerProvider(resource=Resource({"service.name": name}))
    provider.add_span_processor(SimpleSpanProcessor(FileSpanExporter(folder / f"{name}.jsonl")))
    return provider.get_tracer("test")


def test_the_rows_that_name_a_booking_are_found_and_no_others(running_system, eventually):
    booking, other = book(running_system), book(running_system)

    def rows():
        found = trace.rows(running_system, booking)
        return {"bookings", "payments"} <= {table for _, table, _ in found} and found

    found = eventually(rows)

    assert not any(other in str(row) for _, _, row in found)


def test_a_booking_is_one_trace_from_the_request_to_the_mail(running_system, eventually):
    booking = book(running_system)

    def spans():
        (id,) = {
            trace.trace_id(message) for _, message in trace.messages_of(running_system, booking)
        } or {None}
        return trace.read_spans(running_system["TRACE_FOLDER"]).get(id, [])

    found = eventually(
        lambda: "send mail" in {span["name"] for span in spans()} and spans(), within=30
    )

    assert found[0]["name"] == "POST /api/bookings"
    assert {"publish booking.confirmed", "notifications booking.confirmed"} <= {
        span["name"] for span in found
    }
    assert len({span["service"] for span in found}) >= 3


def test_what_nobody_names_is_said_to_be_unknown(running_system):
    with pytest.raises(Failed, match="no row and no message"):
        trace.show(Console(file=io.StringIO()), running_system, secrets.token_hex(16))


def test_spans_are_drawn_below_what_caused_them_whichever_process_wrote_them(tmp_path):
    web, worker = tracer(tmp_path, "web"), tracer(tmp_path, "worker")
    with web.start_as_current_span("POST /api/bookings") as request:
        pass
    with (
        worker.start_as_current_span("confirm", otel.set_span_in_context(request)),
        worker.start_as_current_span("send mail"),
    ):
        pass
    with web.start_as_current_span("GET /api/events"):
        pass

    id = f"{request.context.trace_id:032x}"

    assert names(trace.drawn(id, trace.read_spans(tmp_path)[id])) == {
        "web POST /api/bookings": {"worker confirm": {"worker send mail": {}}}
    }


def test_of_what_was_tried_again_the_last_is_drawn_with_how_often(tmp_path):
    web, worker = tracer(tmp_path, "web"), tracer(tmp_path, "worker")
    with web.start_as_current_span("POST /api/bookings") as request:
        pass
    for _ in range(3):
        with (
            worker.start_as_current_span(
                "confirm", otel.set_span_in_context(request), otel.SpanKind.CONSUMER
            ),
            worker.start_as_current_span("send mail"),
        ):
            pass

    id = f"{request.context.trace_id:032x}"
    drawn = trace.drawn(id, trace.read_spans(tmp_path)[id])

    assert names(drawn) == {"web POST /api/bookings": {"worker confirm": {"worker send mail": {}}}}
    assert drawn.children[0].children[0].label.endswith(", 3 tries")


def test_half_a_line_of_a_process_that_died_is_passed_over(tmp_path):
    with tracer(tmp_path, "web").start_as_current_span("POST /api/bookings"):
        pass
    whole = (tmp_path / "web.jsonl").read_text()
    (tmp_path / "web.jsonl").write_text(whole + whole[: len(whole) // 2])

    assert sum(len(spans) for spans in trace.read_spans(tmp_path).values()) == 1


def names(tree):
    """{what stands below it: what stands below that}"""
    return {
        " ".join(re.search(r"\[cyan\](.*)\[/\]  (.*)  ", child.label).groups()): names(child)
        for child in tree.children
    }

"""A request, the messages that it records and the work of their consumers are one trace."""

import subprocess
import sys

import pytest
from flask import Flask
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from kit import http, memory, settings, trace
from kit.consumer import Consumer
from kit.message import Message
from kit.outbox import record

TRACE = "a" * 32
SPAN = "b" * 16


@pytest.fixture
def spans(monkeypatch):
    """Record the spans of this test; return {name: span} when called."""
    monkeypatch.setattr(trace, "tracer", trace.tracer)
    exporter = InMemorySpanExporter()
    trace.record_with(SimpleSpanProcessor(exporter), "test")
    return lambda: {span.name: span for span in exporter.get_finished_spans()}


def test_a_trace_continues_through_outbox_and_broker(database, send_batch, spans):
    def handle(session, message):
        with trace.span("send mail", "client"):
            pass

    broker = memory.Broker()
    source = broker.source("group", ["things"])
    with trace.span("POST /things", "server", ""), database.transaction() as session:
        record(session, Message("things", "thing.happened", "key", {}))
    send_batch(broker)
    Consumer("group", source, {"thing.happened": handle}, database.transaction).step()

    found = spans()
    request = found["POST /things"].context
    assert {span.context.trace_id for span in found.values()} == {request.trace_id}
    assert {name: span.parent and span.parent.span_id for name, span in found.items()} == {
        "POST /things": None,
        "publish thing.happened": request.span_id,
        "group thing.happened": request.span_id,
        "send mail": found["group thing.happened"].context.span_id,
    }


def test_the_trace_of_a_caller_is_continued(spans):
    with trace.span("GET /things", "server", f"00-{TRACE}-{SPAN}-01"):
        assert trace.trace_id() == TRACE

    assert f"{spans()['GET /things'].parent.span_id:x}" == SPAN


@pytest.mark.parametrize("flags", ["00", "01"])
def test_a_request_from_outside_begins_a_trace(spans, flags):
    app = Flask("things")
    http.init_app(app, instance="web")

    app.test_client().get("/", headers={"traceparent": f"00-{TRACE}-{SPAN}-{flags}"})

    (span,) = spans().values()
    assert span.parent is None
    assert f"{span.context.trace_id:x}" != TRACE


@pytest.mark.parametrize("traceparent", ["", "nonsense", f"00-{'0' * 32}-{SPAN}-01"])
def test_a_trace_begins_where_the_caller_has_none(spans, traceparent):
    with trace.span("GET /things", "server", traceparent):
        new = trace.trace_id()

    assert int(new, 16)
    assert spans()["GET /things"].parent is None


def test_a_trace_that_is_not_sampled_stays_unrecorded(spans):
    with trace.span("GET /things", "server", f"00-{TRACE}-{SPAN}-00"):
        assert trace.trace_id() == TRACE

    assert spans() == {}


@pytest.mark.parametrize("traceparent", ["", "nonsense"])
def test_without_recording_each_trace_has_its_id(traceparent):
    with trace.span("GET /things", "server", traceparent):
        outer = trace.trace_id()
        with trace.span("ask the payment provider", "client"):
            assert trace.trace_id() == outer
            assert int(trace.current()[-2:], 16) & trace.SAMPLED == 0

    assert int(outer, 16)
    assert trace.current() == ""


def test_without_recording_the_callers_trace_is_continued():
    with trace.span("GET /things", "server", f"00-{TRACE}-{SPAN}-01"):
        assert trace.trace_id() == TRACE


def test_without_recording_the_sdk_is_not_imported():
    code = "import sys, kit.relay; print('opentelemetry.sdk' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("TRACE_FOLDER", "/nowhere"),
        ("OTEL_TRACES_SAMPLER_ARG", "1.5"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector"),
    ],
)
def test_a_wrong_setting_is_named(name, wrong):
    with pytest.raises(settings.Misconfigured, match=name):
        settings.parse(settings.PROCESS, {name: wrong})

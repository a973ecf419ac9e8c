"""A request, what it says, and what is done about that are one trace."""

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from extracted.kit import memory, settings, trace
from extracted.kit.consumer import Consumer
from extracted.kit.outbox import Fact, record


@pytest.fixture
def spans(monkeypatch):
    """What is recorded in this test, {name: span}, once it is asked for."""
    monkeypatch.setattr(trace, "tracer", trace.tracer)
    exporter = InMemorySpanExporter()
    trace.record_with(SimpleSpanProcessor(exporter), "test")
    return lambda: {span.name: span for span in exporter.get_finished_spans()}


@pytest.fixture
def broker():
    return memory.Broker()


def test_what_a_request_says_and_what_is_done_about_it_belong_to_its_trace(database, broker, pass_on, spans):
    def handle(session, message):
        with trace.span("send mail", "client"):
            pass

    with trace.span("POST /things", "server", ""), database.transaction() as session:
        record(session, Fact("things", "thing.happened", "key", {}))
    pass_on(broker)
    Consumer("listeners", broker.source("listeners", ["things"]), {"thing.happened": handle}, database.transaction).step()

    found = spans()
    request = found["POST /things"].context
    assert {span.context.trace_id for span in found.values()} == {request.trace_id}
    assert {name: span.parent and span.parent.span_id for name, span in found.items()} == {
        "POST /things": None,
        "publish thing.happened": request.span_id,
        "listeners thing.happened": request.span_id,
        "send mail": found["listeners thing.happened"].context.span_id,
    }


def test_the_trace_of_a_caller_is_gone_on_with(spans):
    with trace.span("GET /things", "server", f"00-{'a' * 32}-{'b' * 16}-01"):
        assert trace.trace_id() == "a" * 32

    assert f"{spans()['GET /things'].parent.span_id:x}" == "b" * 16


@pytest.mark.parametrize("given", ["", "nonsense", f"00-{'0' * 32}-{'b' * 16}-01"])
def test_without_a_caller_with_one_a_trace_begins(spans, given):
    with trace.span("GET /things", "server", given):
        begun = trace.trace_id()

    assert int(begun, 16) and spans()["GET /things"].parent is None


def test_a_caller_that_does_not_record_is_not_recorded_here(spans):
    with trace.span("GET /things", "server", f"00-{'a' * 32}-{'b' * 16}-00"):
        assert trace.trace_id() == "a" * 32

    assert spans() == {}


def test_where_no_trace_is_recorded_each_has_its_id_all_the_same():
    with trace.span("GET /things", "server", ""):
        assert int(trace.trace_id(), 16)
        assert int(trace.current()[-2:], 16) & trace.SAMPLED == 0


@pytest.mark.parametrize(("name", "wrong"), [("TRACE_FOLDER", "/nowhere"), ("OTEL_TRACES_SAMPLER_ARG", "1.5"), ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector")])
def test_a_wrong_setting_is_named(name, wrong):
    with pytest.raises(settings.Misconfigured, match=name):
        settings.parse(settings.PROCESS, {name: wrong})

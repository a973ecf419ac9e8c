"""Traces (OpenTelemetry): the work for one request, over HTTP and over Kafka, is one trace.

The id of the trace travels as W3C Trace Context: in the header traceparent of a request and of a
message, and in a column of the outbox between them. Without configure() each trace has its id, for
the log, and no span is recorded; the OpenTelemetry SDK is imported only to record."""

import random
from contextlib import contextmanager
from pathlib import Path

from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    get_current_span,
    use_span,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

SAMPLED = 1  # a bit of the flags, the last two digits of a traceparent
EXPORT_MILLISECONDS = 500
W3C = TraceContextTextMapPropagator()
tracer = None  # where spans are recorded


def configure(settings):
    """Record a share of the traces as the settings say: OTLP over HTTP, or a file of OTLP JSON for
    each process."""
    if settings.otel_exporter_otlp_endpoint:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        exporter = OTLPSpanExporter(f"{settings.otel_exporter_otlp_endpoint.rstrip('/')}/v1/traces")
    elif settings.trace_folder:
        from opentelemetry.exporter.otlp.json.file import FileSpanExporter

        exporter = FileSpanExporter(Path(settings.trace_folder) / f"{settings.instance}.jsonl")
    else:
        return
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    processor = BatchSpanProcessor(exporter, schedule_delay_millis=EXPORT_MILLISECONDS)
    record_with(processor, settings.instance, settings.otel_traces_sampler_arg)


def record_with(processor, name, share=1.0):
    """Record the spans of this process with a processor, under its name.

    share is the share of new traces; a trace that began elsewhere is recorded if it is there."""
    global tracer
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

    sampler = ParentBased(TraceIdRatioBased(share))
    provider = TracerProvider(sampler, Resource({"service.name": name}))
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("encore")


@contextmanager
def span(name, kind="internal", parent=None):
    """A piece of work, as a context manager.

    parent is a traceparent: where it is empty, a new trace begins; where it is None, the work
    belongs to the current span."""
    context = None if parent is None else W3C.extract({"traceparent": parent})
    if tracer is None:
        started = use_span(_unrecorded_span(context), record_exception=False)
    else:
        started = tracer.start_as_current_span(
            name, context, SpanKind[kind.upper()], record_exception=False
        )
    with started:
        yield


def _unrecorded_span(context):
    """A span with the id of its parent's trace, or of a new one."""
    parent = get_current_span(context).get_span_context()
    trace_id = parent.trace_id if parent.is_valid else random.getrandbits(128)
    return NonRecordingSpan(SpanContext(trace_id, random.getrandbits(64), is_remote=False))


def rename(name):
    """Give the current span another name."""
    get_current_span().update_name(name)


def add_span(name, kind, parent, started_at):
    """Record a piece of work that began at a time and ends now, if its trace is recorded.

    parent is a traceparent; started_at comes from a clock that agrees with this machine's."""
    if tracer and parent and int(parent[-2:], 16) & SAMPLED:
        context = W3C.extract({"traceparent": parent})
        start_time = int(started_at.timestamp() * 1e9)
        tracer.start_span(name, context, SpanKind[kind.upper()], start_time=start_time).end()


def current():
    """The traceparent of the current work; empty where it belongs to no trace."""
    carrier = {}
    W3C.inject(carrier)
    return carrier.get("traceparent", "")


def trace_id():
    """The id of the current trace, as 32 hexadecimal digits."""
    return f"{get_current_span().get_span_context().trace_id:032x}"

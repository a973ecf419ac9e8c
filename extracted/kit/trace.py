"""Traces (OpenTelemetry): what was done for one request, from the browser's to the last handler's, over HTTP and over Kafka.

Which trace some work belongs to travels as W3C Trace Context: in the header traceparent of a request and of a message, and in the outbox
in between."""

from contextlib import contextmanager
from pathlib import Path

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanKind, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

SAMPLED = 1  # in the flags, a traceparent's last two digits
EVERY = 500  # milliseconds between exports
W3C = TraceContextTextMapPropagator()
tracer = TracerProvider(sampler=ALWAYS_OFF).get_tracer("encore")  # traces have their ids; none is recorded before configure() says where


def configure(told):
    """Record the share of traces that the settings ask for, where they say: OTLP over HTTP, or a file of OTLP JSON for each process."""
    if told["otel_exporter_otlp_endpoint"]:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # either takes a while to import

        exporter = OTLPSpanExporter(f"{told['otel_exporter_otlp_endpoint'].rstrip('/')}/v1/traces")
    elif told["trace_folder"]:
        from opentelemetry.exporter.otlp.json.file import FileSpanExporter

        exporter = FileSpanExporter(Path(told["trace_folder"]) / f"{told['instance']}.jsonl")
    else:
        return
    record_with(BatchSpanProcessor(exporter, schedule_delay_millis=EVERY), told["instance"], told["otel_traces_sampler_arg"])


def record_with(processor, name, share=1.0):
    """Have a processor see the spans of this process, which has that name; a trace that began elsewhere is recorded if it is there."""
    global tracer
    provider = TracerProvider(ParentBased(TraceIdRatioBased(share)), Resource({"service.name": name}))
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("encore")


@contextmanager
def span(name, kind="internal", given=None):
    """A piece of work of the trace that is given as a traceparent, or that this work is in the middle of, or else of a new one."""
    context = None if given is None else W3C.extract({"traceparent": given})
    with tracer.start_as_current_span(name, context, SpanKind[kind.upper()], record_exception=False):
        yield


def note(name, kind, given, since):
    """A piece of work that began then and ends now; since is a time of this machine's clock, or of one that agrees with it."""
    if given and int(given[-2:], 16) & SAMPLED:
        tracer.start_span(name, W3C.extract({"traceparent": given}), SpanKind[kind.upper()], start_time=int(since.timestamp() * 1e9)).end()


def current():
    """The traceparent of what is being done; empty where that is of no trace."""
    carrier = {}
    W3C.inject(carrier)
    return carrier.get("traceparent", "")


def trace_id():
    return f"{get_current_span().get_span_context().trace_id:032x}"

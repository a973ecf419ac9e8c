"""A message is a CloudEvent, and reading a record gives it back."""

from dataclasses import replace

import pytest

from kit.message import Message, Unprocessable, read

TRACEPARENT = f"00-{'a' * 32}-{'b' * 16}-01"


def read_back(message):
    return read(message.topic, message.key.encode(), message.value(), message.headers())


def test_reading_gives_back_what_was_sent(message):
    sent = message(traceparent=TRACEPARENT, snapshot=True)

    assert read_back(sent) == sent


def test_headers_are_those_of_a_cloudevent(message):
    sent = message(id="42")

    headers = dict(sent.headers())

    assert headers == {
        "ce_id": b"42",
        "ce_type": b"thing.happened",
        "ce_source": b"/encore/things",
        "ce_time": sent.recorded_at.isoformat().encode(),
        "ce_specversion": b"1.0",
        "content-type": b"application/json",
    }


def test_every_message_has_an_id_of_its_own():
    first, second = (Message("things", "thing.happened", "key", {}) for _ in range(2))

    assert first.id != second.id
    assert first.recorded_at is None


def test_headers_of_others_are_ignored(message):
    sent = message()
    headers = [*sent.headers(), ("theirs", b"\xff\0"), ("empty", None)]

    assert read(sent.topic, b"key", sent.value(), headers) == sent


def test_a_message_cannot_be_changed(message):
    sent = message()

    with pytest.raises(AttributeError):
        sent.key = "another"

    assert replace(sent, key="another").id == sent.id


@pytest.mark.parametrize(
    ("value", "changed", "cause"),
    [
        (b"{}", {"ce_id": None}, "there is no header 'ce_id'"),
        (b"{}", {"ce_specversion": b"2.0\0"}, r"CloudEvents version '2.0\x00'"),
        (b"{}", {"ce_time": "٢٠٢٦-01-01T00:00:00+00:00".encode()}, "Invalid isoformat"),
        (b"{}", {"ce_id": b"x" * 201}, "ce_id is not 1 to 200"),
        (b"{}", {"ce_type": b"x\n"}, "ce_type is not 1 to 200"),
        (b"9" * 5000, {}, "ValueError"),
        (b"{}", {"ce_time": b"yesterday"}, "Invalid isoformat string: 'yesterday'"),
        (b"{}", {"ce_type": b"\xff"}, "can't decode byte 0xff"),
        (b"[]", {}, "the data is not a JSON object"),
        (b"{", {}, "JSONDecodeError"),
        (None, {}, "TypeError"),
        (b"[" * 100_000, {}, "RecursionError"),
    ],
)
def test_the_cause_is_named_where_reading_fails(message, value, changed, cause):
    headers = dict(message().headers()) | changed
    headers = [(name, text) for name, text in headers.items() if text is not None]

    with pytest.raises(Unprocessable) as raised:
        read("things", b"key", value, headers)

    assert cause in str(raised.value)

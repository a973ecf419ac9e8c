"""Lets Kafka's client read a header whose name is not UTF-8. kafka-python 3.0 raises an error for
it, again at each start: one such record would end every consumer of its topic."""

from kafka.record.default_records import DefaultRecordBatch

UNREADABLE = "\0"  # begins the name that a reader gets instead; a readable name is printable


class Text(bytearray):
    """Bytes that decode() to UNREADABLE and their hexadecimal digits if they are not UTF-8."""

    def __getitem__(self, index):
        found = super().__getitem__(index)
        return Text(found) if isinstance(index, slice) else found

    def decode(self, encoding):
        try:
            return super().decode(encoding)
        except UnicodeDecodeError:
            return UNREADABLE + self.hex()


def read_all():
    """Let all consumers of this process read such records."""
    DefaultRecordBatch._read_msg = _read_any


_read_msg = DefaultRecordBatch._read_msg


def _read_any(batch, *arguments):
    try:
        return _read_msg(batch, *arguments)
    except UnicodeDecodeError:
        batch._buffer = Text(batch._buffer)
        return _read_msg(batch, *arguments)

"""Lets Kafka's client read a header whose name is not UTF-8: kafka-python 3.0 raises an error, and
one such record would hide all of its topic."""

from kafka.record import memory_records
from kafka.record.default_records import DefaultRecordBatch


class Text(bytearray):
    """Bytes whose slices decode() to replacement characters where they are not UTF-8."""

    def __getitem__(self, index):
        found = super().__getitem__(index)
        return Text(found) if isinstance(index, slice) else found

    def decode(self, encoding):
        return super().decode(encoding, "replace")


class Batch(DefaultRecordBatch):
    __slots__ = ()

    def _read_msg(self, *arguments):
        try:
            return super()._read_msg(*arguments)
        except UnicodeDecodeError:
            self._buffer = Text(self._buffer)
            return super()._read_msg(*arguments)


def read_all():
    """Let all consumers of this process read such records."""
    memory_records.DefaultRecordBatch = Batch

"""The rows that the backfill copies, and the statements for one chunk of them.

A chunk is what lies between two keys: behind the first, up to the last."""

from dataclasses import dataclass

from sqlalchemy import Table

from extracted.payments.model import Customer, Payment
from kit.inbox import inbox


@dataclass(frozen=True)
class Rows:
    """The rows of a table that are copied, in the order of key."""

    table: Table
    key: str
    where: str = "true"

    @property
    def name(self):
        return self.table.name

    @property
    def columns(self):
        return ", ".join(self.table.columns.keys())

    def next(self):
        """The query of the next chunk: its size, its last key and its digest."""
        return f"""{self._digest(f"max({self.key})")} from (
            select {self.columns} from {self.name}
            where {self.where} and {self.key} > %s order by {self.key} limit %s) as chunk"""

    def same(self):
        """The query of the same on the other side."""
        return f"{self._digest('%s')} from {self._between()}"

    def _digest(self, last_key):
        rows = f"string_agg(row({self.columns})::text, '' order by {self.key})"
        return f"select count(*), {last_key}, md5({rows})"

    def _between(self):
        return f"{self.name} where {self.where} and {self.key} > %s and {self.key} <= %s"

    def read(self):
        """The statement that reads a chunk."""
        return f"copy (select {self.columns} from {self._between()}) to stdout"

    def stage(self):
        """The statement that makes the table into which a chunk is written first."""
        return f"create temporary table moved_{self.name} (like {self.name}) on commit delete rows"

    def write(self):
        """The statement that writes a chunk into that table."""
        return f"copy moved_{self.name} ({self.columns}) from stdin"

    def merge(self):
        """The statement that takes over from that table what is new or different."""
        key = self.table.primary_key.columns.keys()
        others = [each.name for each in self.table.columns if not each.primary_key]
        values = ", ".join(f"{column} = excluded.{column}" for column in others)
        ours = ", ".join(f"{self.name}.{column}" for column in others)
        theirs = ", ".join(f"excluded.{column}" for column in others)
        return f"""insert into {self.name} ({self.columns})
            select {self.columns} from moved_{self.name}
            on conflict ({", ".join(key)}) do update set {values}
            where ({ours}) is distinct from ({theirs})"""


TABLES = (
    Rows(Customer.__table__, "account_id"),
    Rows(Payment.__table__, "id"),
    Rows(inbox, "message_id", "consumer = 'payments'"),
)

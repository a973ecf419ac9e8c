"""The ledger of the backfill, in the service's database: a row for each chunk that was copied. So a
run that was interrupted goes on after its last chunk."""

from sqlalchemy import Boolean, Column, DateTime, Integer, MetaData, String, Table, func

metadata = MetaData()
chunks = Table(
    "backfill_chunks",
    metadata,
    Column("run", Integer, primary_key=True),
    Column("source", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("way", String, nullable=False),
    Column("upto", String, nullable=False),
    Column("compared", Integer, nullable=False),
    Column("copied", Integer, nullable=False),
    Column("is_last", Boolean, nullable=False),
    Column(
        "noted_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=func.clock_timestamp(),
    ),
)
NEWEST = """
select run, count(*) filter (where is_last) from backfill_chunks
where way = %s group by run order by run desc limit 1"""
NEXT = "select coalesce(max(run), 0) + 1 from backfill_chunks"
POSITION = """
select number, upto, is_last from backfill_chunks
where run = %s and source = %s order by number desc limit 1"""
NOTE = """
insert into backfill_chunks (run, source, number, way, upto, compared, copied, is_last)
values (%s, %s, %s, %s, %s, %s, %s, %s)"""


class Ledger:
    """The ledger of one run over so many tables: of one that was interrupted on the same way, or of
    a new one. A run that is `anew` is always a new one."""

    def __init__(self, connection, way, tables, *, anew):
        self.connection = connection
        self.way = way
        newest = connection.execute(NEWEST, [way]).fetchone()
        goes_on = newest and newest[1] < tables and not anew
        self.run = newest[0] if goes_on else connection.execute(NEXT).fetchone()[0]

    def position(self, source):
        """(number, last key, whether it is the last) of a table's last chunk that is copied."""
        found = self.connection.execute(POSITION, [self.run, source]).fetchone()
        return found or (0, "", False)

    def note(self, source, number, *, upto, compared, copied, is_last):
        """Keep for good that a chunk is copied."""
        row = [self.run, source, number, self.way, upto, compared, copied, is_last]
        self.connection.execute(NOTE, row)

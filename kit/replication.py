"""PostgreSQL's logical replication of some tables from one database to another.

Everything here can be done again after an interruption. The subscription's connection string has a
password, and PostgreSQL logs a statement that fails. So the two statements that contain the string
connect to nobody, and the right to execute them is asked for before."""

import time
from contextlib import suppress
from dataclasses import dataclass, field

import psycopg
from psycopg import sql
from psycopg.errors import ObjectInUse, UndefinedObject

COPIED_WITHIN = 600.0  # seconds
WITHIN = 60.0
PAUSE = 0.02
# A truncation is not published: the last one empties the tables that are left.
PUBLISH = """
create publication {name} for table {tables} with (publish = 'insert, update, delete')"""
SUBSCRIBE = """
create subscription {name} connection {url} publication {name}
with (connect = false, slot_name = {name}, origin = none)"""
SUBSCRIPTION = """
select oid from pg_subscription where subname = %s
and subdbid = (select oid from pg_database where datname = current_database())"""
MAY_SUBSCRIBE = """
select pg_has_role('pg_create_subscription', 'usage')
and has_database_privilege(current_database(), 'create')"""
COPIED = "select count(*) from pg_subscription_rel where srsubid = %s and srsubstate = 'r'"
# its own, and those by which PostgreSQL makes the first copy of a table
SLOTS = r"""
select slot_name, active_pid from pg_replication_slots where database = current_database()
and (slot_name = %s or slot_name like 'pg\_%%\_sync\_%%')"""
IS_STREAMING = """
select exists (
    select from pg_stat_replication where application_name = %s and state = 'streaming')"""
IS_CONFIRMED = "select confirmed_flush_lsn >= %s from pg_replication_slots where slot_name = %s"


class Trouble(Exception):
    """Something cannot be done, or did not happen in time; the text says what."""


@dataclass(frozen=True)
class Replication:
    """The rows of the subscriber follow those of the publisher; both are connections in autocommit.

    name is that of the publication and the slot, which are the publisher's, and of the
    subscription. url is the publisher's. Rows that were replicated to the publisher are not sent
    on, so nothing goes round in circles."""

    name: str
    tables: tuple
    publisher: psycopg.Connection
    subscriber: psycopg.Connection
    url: str = field(repr=False)

    @property
    def subscription(self):
        """The subscription's oid, or None."""
        found = self.subscriber.execute(SUBSCRIPTION, [self.name]).fetchone()
        return found and found[0]

    def start(self, *, copy):
        """Make what is missing; with copy, the rows that are there are sent first.

        Without it, nobody may write at the publisher meanwhile."""
        if not self._is_there("pg_publication", "pubname"):
            self.publisher.execute(PUBLISH.format(name=self.name, tables=", ".join(self.tables)))
        if not self._is_there("pg_replication_slots", "slot_name"):
            make = "select pg_create_logical_replication_slot(%s, 'pgoutput')"
            self.publisher.execute(make, [self.name])
        if self.subscription is None:
            self._subscribe()
        self.subscriber.execute(f"alter subscription {self.name} enable")
        self.subscriber.execute(
            f"alter subscription {self.name} refresh publication with (copy_data = {copy})"
        )

    def _is_there(self, catalog, column):
        query = f"select from {catalog} where {column} = %s"
        return self.publisher.execute(query, [self.name]).fetchone() is not None

    def _subscribe(self):
        if not self.subscriber.execute(MAY_SUBSCRIBE).fetchone()[0]:
            raise Trouble(f"the subscriber's role may not create the subscription {self.name}")
        name = sql.Identifier(self.name)
        self.subscriber.execute(sql.SQL(SUBSCRIBE).format(name=name, url=sql.Literal(self.url)))

    def wait_for_copy(self):
        """Wait until the first copy of all tables is done."""
        until(
            lambda: (
                self.subscriber.execute(COPIED, [self.subscription]).fetchone()[0]
                == len(self.tables)
            ),
            within=COPIED_WITHIN,
            what="the first copy is done",
        )

    def catch_up(self):
        """Wait until the subscriber has what the publisher has written until now; False if it
        follows nobody."""
        if self.subscription is None:
            return False
        if not self.publisher.execute(IS_STREAMING, [self.name]).fetchone()[0]:
            self._connect_again()
        (position,) = self.publisher.execute("select pg_current_wal_lsn()").fetchone()
        until(
            lambda: self.publisher.execute(IS_CONFIRMED, [position, self.name]).fetchone()[0],
            within=WITHIN,
            what=f"the subscriber has position {position}",
        )
        return True

    def _connect_again(self):
        """The publisher may have another address than before."""
        point = sql.SQL("alter subscription {} connection {}")
        name = sql.Identifier(self.name)
        self.subscriber.execute(point.format(name, sql.Literal(self.url)))

    def drop(self):
        """Drop what there is of it, on both sides."""
        if self.subscription is not None:
            self.subscriber.execute(f"alter subscription {self.name} disable")
            self._drop_slots()
            self.subscriber.execute(f"alter subscription {self.name} set (slot_name = none)")
            self.subscriber.execute(f"drop subscription {self.name}")
        self._drop_slots()
        self.publisher.execute(f"drop publication if exists {self.name}")

    def _drop_slots(self):
        until(self._has_dropped_slots, within=WITHIN, what="the slots are dropped")

    def _has_dropped_slots(self):
        slots = self.publisher.execute(SLOTS, [self.name]).fetchall()
        for name, pid in slots:
            with suppress(ObjectInUse, UndefinedObject):
                if pid is not None:
                    self.publisher.execute("select pg_terminate_backend(%s)", [pid])
                self.publisher.execute("select pg_drop_replication_slot(%s)", [name])
        return not slots

    def slots_left(self):
        """How many of its slots the publisher's database has."""
        return len(self.publisher.execute(SLOTS, [self.name]).fetchall())


def until(check, *, within, what):
    """Wait until check() is true; Trouble after `within` seconds."""
    deadline = time.monotonic() + within
    while not check():
        if time.monotonic() > deadline:
            raise Trouble(f"not within {within:g} s: {what}")
        time.sleep(PAUSE)

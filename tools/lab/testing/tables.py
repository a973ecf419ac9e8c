"""The rows of a database, kept in memory and put back while processes are connected to it."""

from psycopg import sql

TABLES = """select tablename from pg_tables
where schemaname = 'public' and tablename <> 'alembic_version'"""
WITHIN = "5s"  # for a table that a process holds locked


class Tables:
    """The rows of one owner's database, as they are when this is made."""

    def __init__(self, server, owner):
        self.server = server
        self.owner = owner
        with server.connect(owner) as connection:
            self.rows = {name: self._read(connection, name) for name in self._names(connection)}

    def _names(self, connection):
        return sorted(name for (name,) in connection.execute(TABLES).fetchall())

    def _read(self, connection, name):
        with connection.cursor().copy(copying(name, "to stdout")) as rows:
            return b"".join(bytes(block) for block in rows)

    def put_back(self):
        """Make the rows what they were; numbers of sequences go on, since processes may know
        them."""
        with self.server.connect(self.owner) as connection, connection.transaction():
            connection.execute(f"set local lock_timeout = '{WITHIN}'")
            connection.execute("set local session_replication_role = replica")
            names = sql.SQL(", ").join(map(sql.Identifier, self._names(connection)))
            if self.rows:
                connection.execute(sql.SQL("truncate {}").format(names))
            for name, rows in self.rows.items():
                with connection.cursor().copy(copying(name, "from stdin")) as target:
                    target.write(rows)


def copying(name, direction):
    words = "copy {} " + direction + " (format binary)"
    return sql.SQL(words).format(sql.Identifier(name))

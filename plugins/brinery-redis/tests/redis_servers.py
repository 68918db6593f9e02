"""The servers that the tests talk to, and what they keep there."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import redis

# Several runs may use one server at the same time; the processes that tests start belong to the run.
RUN = os.environ.setdefault("BRINERY_TEST_RUN", uuid.uuid4().hex[:12])
URL = os.environ.get("BRINERY_TEST_REDIS", "redis://127.0.0.1:6379/0")


@dataclass
class Page:
    id: Any
    title: str = ""
    links: list[Any] = field(default_factory=list)


class Special(Page):
    pass


CLAIMS = {"page": Page}


#: Why tests were skipped.
LEFT_OUT: set[str] = set()


def left_out(reason: str) -> None:
    """Skip the test, or fail it where servers are required."""
    LEFT_OUT.add(reason)
    if os.environ.get("BRINERY_REQUIRE_SERVERS") == "1":
        pytest.fail(f"{reason}, and BRINERY_REQUIRE_SERVERS is set")
    pytest.skip(reason)


def require() -> None:
    try:
        with redis.Redis.from_url(URL, socket_connect_timeout=2) as client:
            client.ping()
    except redis.RedisError as absent:
        left_out(f"no Redis at {URL} (BRINERY_TEST_REDIS names another): {absent}")


def prefix_of(place: Path) -> str:
    return f"brinery-test-{hashlib.sha256(f'{RUN}:{place}'.encode()).hexdigest()[:16]}"


def keys(prefix: str, client: redis.Redis | None = None) -> list[bytes]:
    with client or redis.Redis.from_url(URL) as asked:
        return list(asked.scan_iter(f"{prefix}:*", count=10_000))


def delete_all(prefix: str) -> None:
    with redis.Redis.from_url(URL) as client:
        found = list(client.scan_iter(f"{prefix}:*", count=10_000))
        if found:
            client.unlink(*found)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


class Throwaway:
    """A redis-server of our own, at a port of its own, that can be killed and started again."""

    def __init__(self, place: Path, *options: str) -> None:
        program = shutil.which("redis-server")
        if program is None:
            left_out("there is no redis-server to start and to stop")
        self.port = free_port()
        self._command = [
            program, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(place), "--save", "",
            "--appendonly", "yes", "--appendfsync", "always", *options,
        ]  # fmt: skip
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Throwaway:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.kill()

    def start(self) -> None:
        self.process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        with redis.Redis(port=self.port) as client:
            for _ in range(200):
                try:
                    client.ping()
                    return
                except redis.RedisError:
                    time.sleep(0.02)
        raise AssertionError("the server did not come up")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process = None

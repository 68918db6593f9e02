"""A TCP proxy in front of a server, which can be cut: for tests of what a store does then."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Self

__all__ = ["CuttingProxy"]


class CuttingProxy:
    """Stands at a port of 127.0.0.1 for the server at `host` and `port`, until it is closed::

        with CuttingProxy("127.0.0.1", 6379) as proxy:
            store = open_store(port=proxy.port)
            with proxy.cut():
                ...  # every connection is lost, and none can be made

    Its threads live in the process that made it; children reach it as they would the server.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        #: Where it listens.
        self.port: int = self._listening.getsockname()[1]
        #: The process that its threads live in.
        self.process = os.getpid()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._cut = False
        self._trap: tuple[Callable[[bytes], bool], bool] | None = None
        self._muted: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    @contextmanager
    def cut(self) -> Iterator[None]:
        """Cut all connections, and let nobody connect, for the length of a `with` block."""
        self._cut = True
        self._cut_all()
        try:
            yield
        finally:
            self._cut = False

    @contextmanager
    def cut_at(self, found: Callable[[bytes], bool], *, arrives: bool) -> Iterator[None]:
        """Cut all connections when a client sends data that `found` answers with true, and once only.

        Where it `arrives`, the server gets it, and its answer is lost; else it is lost on the way.
        """
        self._trap = found, arrives
        try:
            yield
        finally:
            self._trap = None

    def close(self) -> None:
        """Cut everything, for good. No thread is left."""
        self._cut = True
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)  # closing alone would not wake who waits in accept()
        self._listening.close()
        self._cut_all()
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        self.close()

    def _start(self, function: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=function, args=args, daemon=True)
        thread.start()
        self._threads = [old for old in self._threads if old.is_alive()] + [thread]

    def _cut_all(self) -> None:
        with self._lock:
            pairs, self._pairs = self._pairs, []
            self._muted.clear()
        for pair in pairs:
            for side in pair:
                with suppress(OSError):
                    side.shutdown(socket.SHUT_RDWR)
                side.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            if self._cut:
                client.close()
                continue
            try:
                server = socket.create_connection(self._target)
            except OSError:
                client.close()
                continue
            for side in (client, server):
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._pairs.append((client, server))
            for source, target, asks in ((client, server, True), (server, client, False)):
                self._start(self._pump, source, target, asks)

    def _pump(self, source: socket.socket, target: socket.socket, asks: bool) -> None:
        # An OSError: the other side, or cut(), closed it.
        with suppress(OSError):
            while data := source.recv(1 << 16):
                if source in self._muted:  # the server has done what it was sent, and nobody is to hear of it
                    self._cut_all()
                    return
                trap = self._trap if asks else None
                if trap is not None and trap[0](data):
                    self._trap = None
                    if not trap[1]:
                        self._cut_all()
                        return
                    self._muted.add(target)
                target.sendall(data)
        for side in (source, target):
            with suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)

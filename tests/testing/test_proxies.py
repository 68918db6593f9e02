"""The proxy that is cut: what arrives, what does not, and that nothing is left of it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from brinery.testing import CuttingProxy


@pytest.fixture
def heard() -> Iterator[tuple[int, list[bytes]]]:
    """A server that answers each message with itself, and what it has heard."""
    messages: list[bytes] = []
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            with client:
                while data := client.recv(1000):
                    messages.append(data)
                    client.sendall(data)

    thread = threading.Thread(target=serve)
    thread.start()
    yield listening.getsockname()[1], messages
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join()


def ask(port: int, *texts: bytes) -> list[bytes]:
    answers = []
    try:
        with socket.create_connection(("127.0.0.1", port)) as client:
            for text in texts:
                client.sendall(text)
                answers.append(client.recv(1000))
    except OSError:
        answers.append(b"")
    return answers


def test_it_passes_on_until_it_is_cut(heard: tuple[int, list[bytes]]) -> None:
    port, messages = heard
    before = threading.active_count()
    with CuttingProxy("127.0.0.1", port) as proxy:
        assert ask(proxy.port, b"one", b"two") == [b"one", b"two"]
        with socket.create_connection(("127.0.0.1", proxy.port)) as client:
            client.sendall(b"three")
            assert client.recv(1000) == b"three"
            with proxy.cut():
                assert ask(proxy.port, b"lost") == [b""]
                assert client.recv(1000) == b""
        assert ask(proxy.port, b"four") == [b"four"]
    assert messages == [b"one", b"two", b"three", b"four"]
    assert ask(proxy.port, b"closed") == [b""]
    for _ in range(500):  # a thread of before may take its time, too
        if threading.active_count() <= before:
            break
        time.sleep(0.01)
    assert threading.active_count() <= before


@pytest.mark.parametrize("arrives", [False, True])
def test_it_is_cut_at_what_is_said(heard: tuple[int, list[bytes]], arrives: bool) -> None:
    port, messages = heard
    with CuttingProxy("127.0.0.1", port) as proxy:
        with proxy.cut_at(lambda data: data == b"commit", arrives=arrives):
            assert ask(proxy.port, b"begin", b"commit") == [b"begin", b""]
            assert ask(proxy.port, b"commit") == [b"commit"]  # once only
        assert ask(proxy.port, b"commit") == [b"commit"]
    assert messages == [b"begin", *[b"commit"] * (3 if arrives else 2)]

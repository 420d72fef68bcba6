"""The network of a chaos run: what it forwards, keeps back and cuts, seen from both of its ends."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from benchmarks.chaos.links import Link, Network


class Ends:
    """A client and a server with a link between them."""

    def __init__(self, network: Network, listener: socket.socket) -> None:
        self.link: Link = network.link()
        self._listener = listener
        self.client, self.server = self.connect()
        self.client.sendall(b".")  # the link knows both ends only when something went through
        assert self.server.recv(1) == b"."

    def connect(self) -> tuple[socket.socket, socket.socket]:
        client = socket.create_connection(("127.0.0.1", self.link.port), timeout=10)
        server, _ = self._listener.accept()
        server.settimeout(10)
        return client, server

    def close(self) -> None:
        self.client.close()
        self.server.close()


@pytest.fixture
def ends() -> Iterator[Ends]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        network = Network("127.0.0.1", listener.getsockname()[1])
        made = Ends(network, listener)
        yield made
        made.close()
        network.close()


def gone(end: socket.socket) -> bool:
    try:
        return end.recv(10) == b""
    except ConnectionResetError:
        return True


def test_it_forwards_both_ways_and_passes_on_the_end(ends: Ends) -> None:
    ends.client.sendall(b"question")
    assert ends.server.recv(100) == b"question"
    ends.server.sendall(b"answer")
    assert ends.client.recv(100) == b"answer"
    ends.client.close()
    assert gone(ends.server)


def test_a_drop_ends_what_is_connected_and_welcomes_the_next(ends: Ends) -> None:
    ends.link.drop()
    assert gone(ends.client)
    assert gone(ends.server)
    ends.client, ends.server = ends.connect()
    ends.client.sendall(b"again")
    assert ends.server.recv(100) == b"again"


def test_it_refuses_until_it_is_restored(ends: Ends) -> None:
    ends.link.refuse()
    assert gone(ends.client)
    with socket.create_connection(("127.0.0.1", ends.link.port), timeout=10) as refused:
        assert gone(refused)
    ends.link.restore(reset=False)
    ends.client, ends.server = ends.connect()
    ends.server.sendall(b"welcome")
    assert ends.client.recv(100) == b"welcome"


@pytest.mark.parametrize("answers_only", [False, True])
def test_silence_keeps_back_what_is_sent(ends: Ends, answers_only: bool) -> None:
    ends.client.sendall(b"a")
    assert ends.server.recv(1) == b"a"
    ends.link.fall_silent(answers_only=answers_only)
    other, other_server = ends.connect()  # after this, the silence has begun
    ends.client.sendall(b"question")
    ends.server.sendall(b"answer")
    for end, hears in ((ends.client, False), (ends.server, answers_only)):
        end.settimeout(0.3)
        if hears:
            assert end.recv(100) == b"question"
        else:
            with pytest.raises(TimeoutError):
                end.recv(100)
        end.settimeout(10)
    ends.link.restore(reset=False)
    assert ends.client.recv(100) == b"answer"
    if not answers_only:
        assert ends.server.recv(100) == b"question"
    other.close()
    other_server.close()


def test_silence_may_end_with_a_reset(ends: Ends) -> None:
    ends.link.fall_silent(answers_only=False)
    ends.link.restore(reset=True)
    assert gone(ends.client)
    assert gone(ends.server)


@pytest.mark.parametrize(("forward", "arrives"), [(True, b"COMMIT"), (False, b"")])
def test_a_connection_is_cut_when_it_commits(ends: Ends, forward: bool, arrives: bytes) -> None:
    ends.link.cut_after(commits=True, forward=forward)
    ends.client.sendall(b"SELECT")
    assert ends.server.recv(100) == b"SELECT"
    ends.client.sendall(b"COMMIT")
    assert gone(ends.client)
    try:
        received = ends.server.recv(100)
    except ConnectionResetError:
        received = b""
    assert received == arrives
    assert ends.link.cuts == 1


def test_a_connection_is_cut_after_any_message(ends: Ends) -> None:
    ends.link.cut_after(commits=False, forward=True)
    ends.client.sendall(b"anything")
    assert ends.server.recv(100) == b"anything"
    assert gone(ends.client)

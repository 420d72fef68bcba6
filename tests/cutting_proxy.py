"""A TCP proxy that cuts a connection right after it passed on a chosen message, at once or late, as networks do."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable


class CuttingProxy:
    """Listens on a port of 127.0.0.1 and forwards to a server.

    Args:
        host: Where the server is.
        port: Its port.
        listener: A socket of 127.0.0.1 that listens already; None to make one.
    """

    def __init__(self, host: str, port: int, listener: socket.socket | None = None) -> None:
        self._server = (host, port)
        self._listener = listener or socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._cut_after: bytes | None = None
        self._forward = True
        self._silent = False
        self._late = False
        self._deliver_after: Callable[[bytes], bool] | None = None
        self._held: tuple[socket.socket, bytes] | None = None
        self._answers: dict[socket.socket, threading.Thread] = {}
        self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_after(self, message: bytes, *, forward: bool) -> None:
        """Cut the next connection that sends this message, after passing it on or, with forward False, instead."""
        self._forward = forward
        self._late = False
        self._cut_after = message

    def cut_and_hold(self, message: bytes, *, deliver_after: Callable[[bytes], bool] | None = None) -> None:
        """Cut the next connection that sends this message, and keep the message back until ``deliver``.

        Args:
            message: The message.
            deliver_after: Tells what somebody else has to send for it to be delivered by itself, right after that.
        """
        self._late = True
        self._deliver_after = deliver_after
        self._cut_after = message

    def deliver(self) -> None:
        """Pass on what was kept back, and return when the server has answered it and has seen the connection go."""
        assert self._held is not None
        (sink, data), self._held = self._held, None
        answers = self._answers[sink]
        sink.sendall(data)
        with contextlib.suppress(OSError):  # it has answered, and its answer found nobody
            sink.shutdown(socket.SHUT_WR)
        answers.join()

    def fall_silent(self) -> None:
        """Take everything that the client sends from now on, and answer nothing."""
        self._silent = True

    def close(self) -> None:
        """Stop listening."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._server)
            self._answers[server] = threading.Thread(target=self._pump, args=(server, client, False), daemon=True)
            self._answers[server].start()
            threading.Thread(target=self._pump, args=(client, server, True), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, watched: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if watched and self._cut_after is not None and self._cut_after in data:
                    self._cut_after = None
                    self.cuts += 1
                    # The client must not see the server's answer, so its side goes first.
                    if self._late:
                        self._held = (sink, data)
                    source.shutdown(socket.SHUT_RDWR)
                    if self._late:
                        return
                    if self._forward:
                        sink.sendall(data)
                        sink.shutdown(socket.SHUT_WR)
                    else:
                        sink.shutdown(socket.SHUT_RDWR)
                    return
                if not self._silent:
                    sink.sendall(data)
                if watched and self._held is not None and self._deliver_after is not None and self._deliver_after(data):
                    self._deliver_after = None
                    threading.Thread(target=self.deliver, daemon=True).start()
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.close()

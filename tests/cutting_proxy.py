"""A TCP proxy that cuts a connection right after it passed on a chosen message, as a failing network does."""

from __future__ import annotations

import contextlib
import socket
import threading


class CuttingProxy:
    """Listens on a port of 127.0.0.1 and forwards to a server.

    Args:
        host: Where the server is.
        port: Its port.
    """

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._cut_after: bytes | None = None
        self._forward = True
        self._silent = False
        self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_after(self, message: bytes, *, forward: bool) -> None:
        """Cut the next connection that sends this message, after passing it on or, with forward False, instead."""
        self._forward = forward
        self._cut_after = message

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
            threading.Thread(target=self._pump, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, False), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, watched: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if watched and self._cut_after is not None and self._cut_after in data:
                    self._cut_after = None
                    self.cuts += 1
                    # The client must not see the server's answer, so its side goes first.
                    source.shutdown(socket.SHUT_RDWR)
                    if self._forward:
                        sink.sendall(data)
                        sink.shutdown(socket.SHUT_WR)
                    else:
                        sink.shutdown(socket.SHUT_RDWR)
                    return
                if not self._silent:
                    sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.close()

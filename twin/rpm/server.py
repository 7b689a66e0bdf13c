"""A web server of a directory on loopback, with the faults of mirrors."""

from __future__ import annotations

import http.server
import threading
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Mirror:
    """Serves a directory over HTTP on loopback; a context manager.

    Attributes:
        directory: what is served.
        cut: names of files that are sent by half, at full length in the header.
        missing: names of files that are not found.
        stalled: names of files of which nothing is sent, as long as they are in the set.
        asked: paths in the order they were asked for; whole addresses as from a proxy.
        authorizations: what clients sent as ``Authorization``.
    """

    directory: Path
    cut: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    stalled: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Base URL, without a slash at its end."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def _handler(self) -> type[http.server.SimpleHTTPRequestHandler]:
        mirror = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *args: object) -> None:
                super().__init__(*args, directory=str(mirror.directory))  # type: ignore[arg-type]

            def do_GET(self) -> None:
                mirror.asked.append(self.path)
                mirror.authorizations += self.headers.get_all("Authorization", [])
                # A proxy is asked for a whole address.
                self.path = urlsplit(self.path).path
                name = self.path.rpartition("/")[2]
                while name in mirror.stalled:
                    time.sleep(0.05)
                if name in mirror.missing:
                    self.send_error(HTTPStatus.NOT_FOUND)
                elif name in mirror.cut:
                    self._send_half()
                else:
                    super().do_GET()

            def _send_half(self) -> None:
                data = (mirror.directory / self.path.lstrip("/")).read_bytes()
                self.send_response(HTTPStatus.OK)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data[: len(data) // 2])
                self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                del format, args

        return Handler

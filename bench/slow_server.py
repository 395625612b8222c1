"""A server on loopback that is as slow as a network, for what measures how jobs fare while files arrive."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

CHUNK = 65_536


@contextmanager
def throttled(folder: Path, rate: float) -> Iterator[str]:
    """A server of a folder's files that sends so many bytes a second, all connections together, and knows ranges; its
    address.
    """
    turn, tag = threading.Lock(), '"1"'
    free_from = [0.0]

    class Files(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            file = folder / unquote(self.path[1:])
            size = file.stat().st_size
            start, end = 0, size - 1
            asked = self.headers.get("Range", "")
            if asked and self.headers.get("If-Range", tag) == tag:
                first, _, last = asked.removeprefix("bytes=").partition("-")
                start, end = int(first), int(last or end)
            self.send_response(206 if asked else 200)
            if asked:
                self.send_header("Content-Range", f"bytes {start}-{end}/{size}")
            for name, value in (("Content-Length", str(end + 1 - start)), ("ETag", tag), ("Accept-Ranges", "bytes")):
                self.send_header(name, value)
            self.end_headers()
            with file.open("rb") as content:
                content.seek(start)
                while chunk := content.read(min(CHUNK, end + 1 - content.tell())):
                    with turn:
                        free_from[0] = max(free_from[0], time.monotonic()) + len(chunk) / rate
                        time.sleep(max(0.0, free_from[0] - time.monotonic()))
                    self.wfile.write(chunk)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Files)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()

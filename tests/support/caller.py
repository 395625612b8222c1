"""A stand-in for the product in front of the worker: its orders, its webhook route, and the state that it keeps.

As the real one does: every job carries every param of a preset; a user's credits are taken when a job is ordered and
paid back each time that "failed" comes, whatever came before, and where the user cancels it; "completed" stores the
address that its page loads. Signatures and ids of messages are not looked at.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from support.s3 import Store

PRESETS = json.loads((Path(__file__).parents[2] / "bench" / "presets.json").read_text())
PRICES = {"preview": 0.5, "standard": 1.0, "high": 2.0, "ultra": 4.0}


class Caller:
    """The product: `order` makes a job's input, and messages to `/api/webhook/JOB` change `jobs` and `credits`.

    Attributes:
        credits: what the user has left.
        jobs: by id: {"status", "progress", "model_url", "error"}.
        messages: (job, webhook-id, body) of everything that came, also what was answered with an error.
        broken: so many of the next messages are answered with 500, before anything is done.
    """

    def __init__(self, store: Store) -> None:
        self.credits = 100.0
        self.jobs: dict[str, dict[str, Any]] = {}
        self.messages: list[tuple[str, str, dict[str, Any]]] = []
        self.broken = 0
        self._store = store
        self._prices: dict[str, float] = {}
        self._lock = threading.Lock()
        caller = self

        class Route(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments: object) -> None:
                pass

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                job = urlsplit(self.path).path.removeprefix("/api/webhook/")
                status, answer = caller._hear(job, self.headers.get("webhook-id", ""), body)
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Route)
        self._server.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Caller:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def order(
        self, job: str, preset: str, photos: list[str], *, photos_live_s: int = 3600, **typed: object
    ) -> dict[str, Any]:
        """Take an order's credits; the job's input as it is posted to the platform.

        Args:
            job: its id.
            preset: whose params it carries.
            photos: keys in the store.
            photos_live_s: seconds that the presigned GETs live.
            typed: values that the user has put in the place of the preset's.
        """
        project = f"project-of-{job}"
        self._prices[job] = PRICES[preset]
        self.credits -= PRICES[preset]
        self.jobs[job] = {"status": "queued"}
        return {
            "project_id": project,
            "image_urls": [self._store.presign("GET", key, photos_live_s) for key in photos],
            "upload_url": self._store.presign("PUT", f"models/{project}.ply", 7200),
            "webhook_url": f"{self.origin}/api/webhook/{job}",
            "params": PRESETS[preset] | typed,
        }

    def cancel(self, job: str) -> None:
        """The user has cancelled a job: it is paid back at once, whatever is heard of it later."""
        with self._lock:
            self.jobs[job] |= {"status": "failed", "error": "Cancelled by user"}
            self.credits += self._prices[job]

    def heard(self, job: str) -> list[dict[str, Any]]:
        """The messages about a job, in their order."""
        with self._lock:
            return [body for about, _, body in self.messages if about == job]

    def _hear(self, job: str, identifier: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        with self._lock:
            self.messages.append((job, identifier, body))
            if self.broken:
                self.broken -= 1
                return 500, {"error": "Internal error"}
            row = self.jobs[job]
            match body["status"]:
                case "completed":
                    row |= {"status": "completed", "progress": 100, "model_url": body["model_url"]}
                case "failed":
                    row |= {"status": "failed", "error": body["error"]}
                    self.credits += self._prices[job]
                case "processing":
                    row |= {"status": "processing", "progress": body["progress"]}
            return 200, {"success": True}

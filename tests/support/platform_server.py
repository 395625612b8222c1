"""A small stand-in for the platform: it hands out jobs, hears pings, updates and results, and stops jobs.

The SDK's real production loop talks to it over HTTP. As on the real platform, a job whose worker is gone is handed out
again, and an update or a result is stored under the job's id, the last one winning.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from support.jobs import stand_in
from support.waiting import PATIENCE_S

ROOT = Path(__file__).parents[2]
WORKER = """
import json, sys
import handler
from splatworker.pipeline import fitness, transfers
from splatworker.worker import runpod_queue as platform, session
# What else runs on this machine may have most of its memory, and stand-ins need little.
fitness.FITNESS_MEMORY = 0
# Where much else is to do, the process that sends a message takes long to start.
transfers.LAST_WORD_SECONDS = session.PROCESSING_SECONDS = 60.0
session.WEBHOOK_PAUSE_S = 1.0
platform.serve(handler.handler, json.loads(sys.argv[1]))
"""


class Platform:
    """The queue of one endpoint."""

    def __init__(self) -> None:
        self.results: dict[str, dict[str, Any]] = {}
        self.posts: list[tuple[str, dict[str, Any]]] = []
        self.pings: dict[str, list[str]] = {}
        self.lose_posts = 0
        self.output: dict[str, bytearray] = {}
        self._readers: dict[str, threading.Thread] = {}
        self._queue: deque[dict[str, Any]] = deque()
        self._taken: dict[str, tuple[str, dict[str, Any]]] = {}
        self._stop: dict[str, list[str]] = {}
        self._changed = threading.Condition()
        self._speaking: dict[object, str] = {}
        """Connections, each with the worker who has spoken on it; "" before anybody has."""
        self._workers: dict[str, subprocess.Popen[bytes]] = {}
        platform = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments: object) -> None:
                pass

            def do_GET(self) -> None:
                kind, worker = urlsplit(self.path).path.strip("/").split("/")[:2]
                platform._speaks(self.connection, worker)
                answer = {"job-take": platform._take, "job-stop": platform._stopped, "ping": platform._ping}[kind](
                    worker, self.path
                )
                _answer(self, 204 if answer is None else 200, answer)

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                _, worker, job = urlsplit(self.path).path.strip("/").split("/")
                platform._speaks(self.connection, worker)
                _answer(self, platform._done(worker, job, body), {})

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def process_request(self, request: Any, client_address: Any) -> None:
                platform._speaks(request, "")
                super().process_request(request, client_address)

            def shutdown_request(self, request: Any) -> None:
                super().shutdown_request(request)
                with platform._changed:
                    del platform._speaking[request]
                    platform._changed.notify_all()

            def handle_error(self, request: Any, client_address: Any) -> None:
                if not isinstance(sys.exception(), ConnectionError):  # a worker that was killed while it spoke
                    super().handle_error(request, client_address)

        self._server = Server(("127.0.0.1", 0), Handler)
        self._url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        for name in list(self._workers):
            self.kill(name)
        self._server.shutdown()
        self._server.server_close()

    def start_worker(self, name: str = "w1", *faults: str, **environment: str) -> subprocess.Popen[bytes]:
        """A worker that runs the SDK's real loop, with instant stages."""
        settings = {
            "PYTHONPATH": str(ROOT),
            "RUNPOD_WEBHOOK_GET_JOB": f"{self._url}/job-take/{name}?gpu=test",
            "RUNPOD_WEBHOOK_POST_OUTPUT": f"{self._url}/job-done/$RUNPOD_POD_ID/$ID?gpu=test",
            "RUNPOD_WEBHOOK_PING": f"{self._url}/ping/$RUNPOD_POD_ID",
            "RUNPOD_PING_INTERVAL": "1000",
            "RUNPOD_AI_API_KEY": "platform-key",
            "RUNPOD_POD_ID": name,
            "RUNPOD_ENDPOINT_ID": "endpoint",
            "RUNPOD_SKIP_AUTO_SYSTEM_CHECKS": "true",
            "RUNPOD_SKIP_GPU_CHECK": "true",
            "SPLATWORKER_ALLOW_CPU": "1",
            "SPLATWORKER_ALLOW_PRIVATE_URLS": "1",
        }
        command = json.dumps(stand_in(*faults)) if environment.pop("real_stages", None) is None else _REAL
        self._workers[name] = subprocess.Popen(
            [sys.executable, "-c", WORKER, command],
            cwd=ROOT,
            env={**os.environ, **settings, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._drain(name)
        return self._workers[name]

    def _drain(self, name: str) -> None:
        self.output[name] = bytearray()
        stream = self._workers[name].stdout

        assert isinstance(stream, io.BufferedReader)

        def read() -> None:
            while chunk := stream.read1(65536):
                self.output[name] += chunk

        self._readers[name] = threading.Thread(target=read, daemon=True)
        self._readers[name].start()

    def kill(self, name: str) -> None:
        """Kill a worker, and hand out again what it was at, as the platform does when pings stop coming."""
        worker = self._workers.pop(name)
        worker.kill()
        # The SDK's ping process lives on in the worker's process group.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
        self._readers.pop(name).join()
        assert worker.stdout is not None
        worker.stdout.close()
        self._hear_out(name)
        with self._changed:
            for job, (holder, event) in list(self._taken.items()):
                if holder == name:
                    del self._taken[job]
                    self._queue.appendleft(event)
            self._changed.notify_all()

    def _speaks(self, connection: object, worker: str) -> None:
        with self._changed:
            self._speaking[connection] = worker
            self._changed.notify_all()

    def _hear_out(self, name: str) -> None:
        """Come to the end of what a worker has said before it was killed: a result that is on its way counts."""
        # Connections are taken up in their order: all of the worker's are known when this one is.
        with urllib.request.urlopen(f"{self._url}/ping/nobody"):
            pass
        with self._changed:
            assert self._changed.wait_for(lambda: not {"", name} & set(self._speaking.values()), PATIENCE_S)

    def submit(self, job_id: str, job_input: object) -> None:
        with self._changed:
            self._queue.append({"id": job_id, "input": job_input})
            self._changed.notify_all()

    def stop_job(self, job_id: str) -> None:
        """What the platform does when a job is cancelled, or times out."""
        with self._changed:
            worker, _ = self._taken[job_id]
            self._stop.setdefault(worker, []).append(job_id)
            self._changed.notify_all()

    def forget(self) -> None:
        """Go on as if nothing had been asked of the workers so far."""
        with self._changed:
            assert not self._queue and not self._taken, "a job of the test before is not done"
            self.results.clear()
            self.posts.clear()

    def at_work(self, job_id: str) -> bool:
        with self._changed:
            return job_id in self._taken

    def wait_for(self, *job_ids: str, seconds: float = PATIENCE_S) -> list[dict[str, Any]]:
        """The results of these jobs."""
        with self._changed:
            arrived = self._changed.wait_for(lambda: set(job_ids) <= self.results.keys(), seconds)
            assert arrived, (set(job_ids) - self.results.keys(), self.log())
            return [self.results[job] for job in job_ids]

    def log(self) -> str:
        """All that the workers have printed."""
        return "\n".join(bytes(text).decode(errors="replace") for text in self.output.values())

    def _take(self, worker: str, path: str) -> dict[str, Any] | None:
        with self._changed:
            self._changed.wait_for(lambda: bool(self._queue) or worker not in self._workers, 1.0)
            if not self._queue or worker not in self._workers:
                return None
            event = self._queue.popleft()
            self._taken[event["id"]] = (worker, event)
            return event

    def _stopped(self, worker: str, path: str) -> dict[str, Any] | None:
        with self._changed:
            self._changed.wait_for(lambda: bool(self._stop.get(worker)) or worker not in self._workers, 1.0)
            jobs = self._stop.pop(worker, [])
            for job in jobs:
                self._taken.pop(job, None)
            return {"jobsToStop": jobs} if jobs else None

    def _ping(self, worker: str, path: str) -> dict[str, Any]:
        self.pings.setdefault(worker, []).append(path)
        return {}

    def _done(self, worker: str, job: str, body: dict[str, Any]) -> int:
        with self._changed:
            if body.get("status") != "IN_PROGRESS" and self.lose_posts > 0:
                self.lose_posts -= 1
                return 500
            self.posts.append((job, body))
            if body.get("status") != "IN_PROGRESS":
                self._taken.pop(job, None)
                self.results[job] = body
            self._changed.notify_all()
            return 200


_REAL = json.dumps([sys.executable, "-P", "-m", "splatworker"])


def _answer(request: BaseHTTPRequestHandler, status: int, body: dict[str, Any] | None) -> None:
    data = b"" if body is None else json.dumps(body).encode()
    request.send_response(status)
    request.send_header("Content-Type", "application/json")
    request.send_header("Content-Length", str(len(data)))
    with contextlib.suppress(ConnectionError):  # a worker that was killed while it waited
        request.end_headers()
        request.wfile.write(data)


def is_running(stage: str, workspaces: Path) -> bool:
    """Whether a stand-in of that stage is at work in one of these workspaces; other processes may have any name."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_text(errors="replace").split("\0")
        except OSError:
            continue
        at = words.index("--") if "--" in words else -1
        if at >= 0 and words[at + 1] == stage and any(word.startswith(str(workspaces)) for word in words):
            return True
    return False

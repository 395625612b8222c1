"""Many jobs in one worker, good and bad: what it uses stays flat, and each is answered exactly once.

    python bench/soak.py [--jobs 1000] [--real-every 50]

The worker's own code is the real one: handler, pipeline, supervisors, workspaces, deduplication. Its stages are
`soak_stage.py`'s, which answer at once; every `--real-every`th job has the real network and decoding stages. Photos,
storage and webhook are one server in a process of its own, which writes down what it hears. Of sixteen jobs eleven meet
a fault: of stages, of storage, of the caller, of the platform (a cancel, another one on its heels, the same job again).

Prints a line of figures every hundred jobs, and in the end what went wrong; exit status 1 if anything did.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
STAGES = Path(__file__).with_name("soak_stage.py")

FAULTS = [
    "none", "caller:few", "train:silent", "none", "sfm:segfault", "cancel", "photos:kill-supervisor", "storage:refuse",
    "none", "train:grandchild", "storage:flaky", "cancel twice", "again", "train:noise", "sfm:error", "webhook:down",
]  # fmt: skip
GOOD = {"none", "train:grandchild", "storage:flaky", "again", "train:noise", "webhook:down"}
CANCELLED = {"cancel", "cancel twice"}

WARM_UP = 40
"""Jobs after which everything that is loaded and cached once has been."""

MORE_MEMORY = 16 << 20
"""Bytes that the worker may take more at the end than after warming up."""


def serve() -> None:
    """The server: its port is the first line of its output, each request that matters another one."""
    import threading

    writing = threading.Lock()
    tried: Counter[str] = Counter()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments: object) -> None:
            pass

        def do_GET(self) -> None:
            number = int(self.path.rpartition("/")[2].partition(".")[0])
            self.answer(200, real_photo(number) if "real" in self.path else bytes(5000 + number))

        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            _, place, number = self.path.partition("?")[0].split("/")
            tried[number] += 1
            status = {"refuse": 403, "flaky": 503 if tried[number] == 1 else 200}.get(place, 200)
            if status == 200:
                self.note(["put", number])
            self.answer(status)

        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if "/down" in self.path:
                self.answer(500)
                return
            self.note(["hook", message["job_id"], message["status"]])
            self.answer(200)

        def note(self, what: list[str]) -> None:
            with writing:
                sys.stdout.write(json.dumps(what) + "\n")
                sys.stdout.flush()

        def answer(self, status: int, body: bytes = b"") -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Say nothing of a stage that was killed while it spoke."""
            if not isinstance(sys.exception(), ConnectionError):
                super().handle_error(request, client_address)  # type: ignore[arg-type]

    server = Server(("127.0.0.1", 0), Handler)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


def real_photo(number: int) -> bytes:
    import io

    from PIL import Image

    picture = io.BytesIO()
    Image.linear_gradient("L").rotate(7 * number).convert("RGB").save(picture, "JPEG")
    return picture.getvalue()


def usage() -> dict[str, int]:
    """What this process uses now: bytes of memory, descriptors, threads, children."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    children = [path.read_text().split() for path in Path("/proc/self/task").glob("*/children")]
    return {
        "memory": int(status["VmRSS"].split()[0]) * 1024,
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "threads": int(status["Threads"]),
        "children": sum(map(len, children)),
    }


def job(number: int, fault: str, base: str, *, real: bool) -> dict[str, Any]:
    kind, _, how = fault.partition(":")
    photos = 3 if fault == "caller:few" else 6
    place = how if kind == "storage" else "keep"
    return {
        "id": f"job-{number}",
        "input": {
            "project_id": f"project-{number}",
            "image_urls": [f"{base}/{'real' if real else 'photo'}/{n}.jpg" for n in range(photos)],
            "upload_url": f"{base}/{place}/{number}?X-Amz-Signature=secret",
            "webhook_url": f"{base}/{'down' if kind == 'webhook' else 'hook'}",
        },
    }


def command(fault: str, *, real: bool) -> tuple[str, ...]:
    if real:
        return (sys.executable, str(ROOT / "tests" / "support" / "stand_in.py"), "--")
    of_a_stage = fault.partition(":")[0] in ("photos", "sfm", "train")
    struck = fault if of_a_stage else "train:hang" if fault in CANCELLED else "none"
    return (sys.executable, "-I", "-S", str(STAGES), struck, "--")


async def one(number: int, fault: str, base: str, *, real: bool) -> tuple[list[dict[str, Any]], int]:
    """Do a job as the platform has it done: its answers, and how often it was cut off."""
    import handler
    from splatworker.worker.deduplicate_jobs import deduplicate_jobs
    from splatworker.worker.session import WorkerSettings

    answer = deduplicate_jobs(lambda event: handler.handler(event, WorkerSettings(command=command(fault, real=real))))
    event = job(number, fault, base, real=real)
    task = asyncio.ensure_future(answer(event))
    if fault not in CANCELLED:
        answers = [await task]
        return [*answers, await answer(event)] if fault == "again" else answers, 0
    while not is_hanging():
        await asyncio.sleep(0.02)
    task.cancel()
    if fault == "cancel twice":
        await asyncio.sleep(0.02)
        task.cancel()
    try:
        return [await task], 0
    except asyncio.CancelledError:
        return [], 1


def is_hanging() -> bool:
    """Whether the trainer has come to where it hangs."""
    return any(Path(os.environ["SPLATWORKER_WORKSPACE"]).glob(".splat-*/hanging"))


def wrong_answers(fault: str, answers: list[dict[str, Any]], cut_off: int) -> list[str]:
    """What is not as it should be with a job's answers."""
    found = []
    if len(answers) + cut_off != (2 if fault == "again" else 1):
        found.append(f"{len(answers)} answers")
    if any((answer["status"] == "success") != (fault in GOOD) for answer in answers):
        found.append(f"answered {answers[0]['status']}: {answers[0].get('error')}")
    if any("secret" in json.dumps(answer) for answer in answers):
        found.append("a key in the answer")
    return found


def wrong_deliveries(fault: str, heard: Counter[tuple[str, ...]], number: int) -> list[str]:
    """What is not as it should be with what storage and webhook heard of a job."""
    good, found = fault in GOOD, []
    if heard["put", str(number)] != good:
        found.append(f"{heard['put', str(number)]} uploads")
    told = {status: heard["hook", f"job-{number}", status] for status in ("completed", "failed")}
    if told != {"completed": int(good and fault != "webhook:down"), "failed": int(not good)}:
        found.append(f"webhooks {told}")
    return found


async def soak(jobs: int, real_every: int, base: str, workspaces: Path) -> tuple[list[str], list[str]]:
    """The faults of all jobs, and what was wrong with them."""
    complaints: list[str] = []
    faults: list[str] = []
    started, before = time.monotonic(), usage()
    for number in range(jobs):
        if number == WARM_UP:
            before = usage()
        real = number % real_every == real_every - 1
        fault = "none" if real else FAULTS[number % len(FAULTS)]
        faults.append(fault)
        answers, cut_off = await one(number, fault, base, real=real)
        complaints += [f"job {number} ({fault}): {what}" for what in wrong_answers(fault, answers, cut_off)]
        left = list(workspaces.iterdir())
        if left:
            complaints.append(f"job {number} ({fault}): {len(left)} folders are left")
        if number % 100 == 99 or number == jobs - 1:
            now = usage()
            print(
                f"{number + 1:5d} jobs {time.monotonic() - started:6.0f} s  {now['memory'] / 2**20:6.1f} MiB  "
                f"{now['descriptors']} descriptors  {now['threads']} threads  {now['children']} children",
                flush=True,
            )
    after = usage()
    if jobs > WARM_UP and after["memory"] > before["memory"] + MORE_MEMORY:
        complaints.append(f"memory grew from {before['memory']} to {after['memory']} bytes")
    for name in ("descriptors", "threads", "children"):
        if jobs > WARM_UP and after[name] > before[name]:
            complaints.append(f"{name}: {before[name]} before, {after[name]} after")
    return faults, complaints


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--real-every", type=int, default=50)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    if options.serve:
        serve()
    import threading

    hear: list[list[str]] = []
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        os.environ |= {"SPLATWORKER_WORKSPACE": folder, "SPLATWORKER_ALLOW_PRIVATE_URLS": "1"}
        server = subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True)
        lines = server.stdout
        assert lines is not None
        base = f"http://127.0.0.1:{int(lines.readline())}"
        hearing = threading.Thread(target=lambda: hear.extend(map(json.loads, lines)), daemon=True)
        hearing.start()
        import structlog

        import handler  # noqa: F401 - its logging first
        from splatworker.pipeline import transfers

        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
        transfers.LAST_WORD_SECONDS = 60.0  # where much else is to do the process that says it takes long to start
        try:
            faults, complaints = asyncio.run(soak(options.jobs, options.real_every, base, Path(folder)))
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait()
        hearing.join()
    heard = Counter(map(tuple, hear))
    for number, fault in enumerate(faults):
        complaints += [f"job {number} ({fault}): {what}" for what in wrong_deliveries(fault, heard, number)]
    print("\n".join(complaints) or "every job was answered once, and nothing is left", flush=True)
    return bool(complaints)


if __name__ == "__main__":
    sys.exit(main())

"""Every stage of a job, done at once with the standard library alone: what `soak.py` starts in place of the real ones.

    python -I -S soak_stage.py FAULT -- STAGE ARGUMENTS...

The requests to storage and webhook are real. FAULT is `none` or `STAGE:HOW`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

SLEEP = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(1000)"]


def main(argv: list[str]) -> int:
    fault, _, stage, *arguments = argv
    struck, _, how = fault.partition(":")
    if struck == stage:
        fail(how)
    result = {
        "probe": probe, "fetch": fetch, "photos": photos, "sfm": sfm, "train": train, "upload": upload,
        "notify": notify,
    }[stage](arguments)  # fmt: skip
    say({"event": "result", "result": result})
    return 0


def say(event: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def refuse(code: str) -> None:
    say({"event": "error", "code": code, "message": "No.", "hint": "", "stage": "soak"})
    sys.exit(1)


def fail(how: str) -> None:
    if how in ("kill-supervisor", "hang", "grandchild"):
        import subprocess

        # In a session of its own, with the pipes open, and without a mark of its origin.
        subprocess.Popen(SLEEP, start_new_session=True, env={})
    if how == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif how == "silent":
        sys.exit(3)
    elif how == "error":
        refuse("out_of_memory")
    elif how == "kill-supervisor":
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(1000)
    elif how == "hang":
        Path("hanging").touch()
        time.sleep(1000)
    elif how == "noise":
        sys.stdout.write(
            '{"event": ' + "[" * 50_000 + "\n" + "x" * 3_000_000 + '\n{"event": "progress", "fraction": NaN}\n'
        )
        for number in range(2000):
            say({"event": "warning", "message": f"{number}"})


def request(method: str, url: str, body: bytes = b"") -> tuple[int, bytes]:
    import http.client

    host, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=60)
    connection.request(method, f"/{path}", body)
    answer = connection.getresponse()
    return answer.status, answer.read()


def probe(arguments: list[str]) -> dict[str, Any]:
    return {"gpus": [], "cuda": None, "reason": "soak", "kernels": False}


def fetch(arguments: list[str]) -> dict[str, Any]:
    told = json.load(sys.stdin)
    folder, files = Path(told["folder"]), {}
    folder.mkdir(exist_ok=True)
    for index, url in enumerate(told["urls"]):
        files[str(index)] = f"{index:04d}.jpg"
        (folder / files[str(index)]).write_bytes(request("GET", url)[1])
    return {"files": files, "rejected": []}


def photos(arguments: list[str]) -> dict[str, Any]:
    sys.stdin.read()
    source, target = Path(arguments[0]), Path(arguments[2])
    target.mkdir()
    decoded = []
    for index, path in enumerate(sorted(source.iterdir())):
        (target / path.name).write_bytes(path.read_bytes())
        decoded.append({"index": index, "file": path.name, "name": path.name, "width": 640, "height": 480})
    return {"photos": decoded, "rejected": []}


def sfm(arguments: list[str]) -> dict[str, Any]:
    sys.stdin.read()
    scene = Path(arguments[2])
    scene.mkdir()
    names = sorted(path.name for path in Path(arguments[0]).iterdir())
    return {"registered": len(names), "photos": len(names), "rejected": [], "reprojection_error_px": 0.5}


def train(arguments: list[str]) -> dict[str, Any]:
    ply = Path(arguments[arguments.index("-m") + 1]) / "splat.ply"
    ply.parent.mkdir()
    ply.write_bytes(b"ply\n" + os.urandom(1 << 16))
    return {"ply": str(ply), "gaussians": 40, "iterations": 10, "device": "cpu"}


def upload(arguments: list[str]) -> dict[str, Any]:
    told = json.load(sys.stdin)
    body = Path(told["path"]).read_bytes()
    for _ in range(3):
        status, _ = request("PUT", told["url"], body)
        if status != 503:
            break
    if status != 200:
        refuse("upload_refused")
    return {"file_size": len(body)}


def notify(arguments: list[str]) -> dict[str, Any]:
    told = json.load(sys.stdin)
    status, _ = request("POST", told["url"], json.dumps(told["message"]).encode())
    if status != 200:
        refuse("internal_error")
    return {}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

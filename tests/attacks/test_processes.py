"""Stages that are hostile, or whose supervisor is killed: nothing of them lives on, and they reach no one."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from support.stage_runs import run, start
from support.waiting import PATIENCE_S

from splatworker.errors import OutOfMemory
from splatworker.stages import ending, follow, process, restrict, supervise
from splatworker.stages.progress import Silent

ROOT = Path(__file__).parents[2]

FAMILY = """
import json, os, subprocess, sys, time
from pathlib import Path
sleep = [sys.executable, "-c", "import time; time.sleep(1000)"]
quiet = {"env": {}, "start_new_session": True}  # no mark of ours on it
holds_the_pipes = subprocess.Popen(sleep, **quiet)
grandchild = subprocess.run(["sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo $!"], stdout=subprocess.PIPE, **quiet)
pids = [os.getppid(), os.getpid(), holds_the_pipes.pid, int(grandchild.stdout)]
Path("pids.part").write_text(json.dumps(pids))
os.rename("pids.part", "pids")
time.sleep(1000)
"""
"""A stage with a child that keeps its pipes open, and one whose parent is gone already."""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def family(folder: Path) -> list[int]:
    """Process ids: the supervisor's, the stage's, and those of what it has started."""
    async with asyncio.timeout(PATIENCE_S):
        while not (folder / "pids").exists():
            await asyncio.sleep(0.02)
    pids: list[int] = json.loads((folder / "pids").read_text())
    return pids


def test_a_killed_supervisor_is_an_error_and_its_stage_is_gone(tmp_path: Path) -> None:
    async def scene() -> list[int]:
        stage = await start(tmp_path, FAMILY)
        pids = await family(tmp_path)
        os.kill(pids[0], signal.SIGKILL)
        with pytest.raises(OutOfMemory):
            async with asyncio.timeout(PATIENCE_S):
                await stage
        return pids

    before = supervise.children()
    assert not any(alive(pid) for pid in asyncio.run(scene()))
    assert supervise.children() == before  # reaped, too


def test_other_stages_outlive_a_killed_supervisor(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()

    async def scene() -> None:
        first, second = await start(tmp_path / "a", FAMILY), await start(tmp_path / "b", FAMILY)
        of_first, of_second = await family(tmp_path / "a"), await family(tmp_path / "b")
        os.kill(of_first[0], signal.SIGKILL)
        await asyncio.gather(first, return_exceptions=True)
        assert not any(alive(pid) for pid in of_first)
        assert all(alive(pid) for pid in of_second)
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        assert not any(alive(pid) for pid in of_second)

    asyncio.run(scene())


@pytest.mark.parametrize("cancels", [1, 2, 5])
def test_cancelled_again_while_the_supervisor_cannot_obey(
    cancels: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ending, "KILL_GRACE_S", 1.0)

    async def scene() -> list[int]:
        stage = await start(tmp_path, FAMILY)
        pids = await family(tmp_path)
        os.kill(pids[0], signal.SIGSTOP)
        for _ in range(cancels):
            stage.cancel()
            await asyncio.sleep(0.05)
        with pytest.raises(asyncio.CancelledError):
            await stage
        return pids

    assert not any(alive(pid) for pid in asyncio.run(scene()))


def test_a_deadline_in_which_the_supervisor_cannot_obey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "KILL_GRACE_S", 0.5)

    async def scene() -> list[int]:
        stage = await start(tmp_path, FAMILY)
        pids = await family(tmp_path)
        os.kill(pids[0], signal.SIGSTOP)
        stage.cancel()
        await asyncio.gather(stage, return_exceptions=True)
        return pids

    assert not any(alive(pid) for pid in asyncio.run(scene()))


def test_children_are_listed_while_threads_come_and_go() -> None:
    stop = threading.Event()

    def breed() -> None:
        while not stop.is_set():
            threads = [threading.Thread(target=int) for _ in range(20)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

    breeder = threading.Thread(target=breed)
    breeder.start()
    child = subprocess.Popen(["sleep", "1000"])
    try:
        for _ in range(300):
            assert child.pid in supervise.children()
    finally:
        stop.set()
        breeder.join()
        child.kill()
        child.wait()


SOCKETS = """
import json, socket, sys
seen = {}
for family in ("AF_INET", "AF_INET6", "AF_PACKET", "AF_VSOCK", "AF_UNIX", "AF_NETLINK"):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            socket.socket(getattr(socket, family), kind).close()
            seen[family] = "open"
        except PermissionError:
            seen.setdefault(family, "refused")
        except OSError:
            pass
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    seen["connected"] = "yes"
except OSError:
    seen["connected"] = "no"
print(json.dumps({"event": "result", "result": seen}))
"""


def no_filter_here() -> str:
    """Why the kernel gives none; empty if it does."""
    ended = subprocess.run(
        [sys.executable, restrict.__file__, "none", "true"], capture_output=True, text=True, check=True
    )
    return ended.stdout


@pytest.mark.parametrize("stage", ["photos", "sfm", "train", "export", "probe"])
def test_stages_that_open_strangers_files_have_no_network(stage: str, tmp_path: Path) -> None:
    if reason := no_filter_here():
        pytest.skip(reason)
    seen = run(tmp_path, SOCKETS.replace("int(sys.argv[1])", "9"), stage)
    local = "refused" if stage == "photos" else "open"
    assert {name: seen[name] for name in ("AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK", "connected")} == {
        "AF_INET": "refused", "AF_INET6": "refused", "AF_UNIX": local, "AF_NETLINK": local, "connected": "no",
    }  # fmt: skip


def test_another_makers_trainer_may_open_sockets(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SOCKETS.replace("int(sys.argv[1])", "9")]
    ended = process.run_command("train", command, workspace=tmp_path, report=Silent(), network=True)
    assert asyncio.run(ended)["AF_INET"] == "open"


@pytest.mark.parametrize("stage", sorted(process.NETWORK_STAGES))
def test_the_stages_whose_business_it_is_have_one(stage: str, tmp_path: Path) -> None:
    assert run(tmp_path, SOCKETS.replace("int(sys.argv[1])", "9"), stage)["AF_INET"] == "open"


def test_a_system_without_filters_is_told_once_and_the_stage_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(process, "_RESTRICT", str(tmp_path / "restrict.py"))
    source = Path(restrict.__file__).read_text()
    (tmp_path / "restrict.py").write_text(source.replace('"x86_64": (', '"none": (').replace('"aarch64": (', '"no": ('))
    follow._warn_once.cache_clear()
    for _ in range(2):
        assert run(tmp_path, 'print(\'{"event": "result", "result": {"done": 1}}\')')["done"] == 1
    follow._warn_once.cache_clear()
    told = capsys.readouterr()
    assert (told.out + told.err).count("not kept from the network") == 1


SECRETS = {
    "RUNPOD_AI_API_KEY": "s3cret", "AWS_SECRET_ACCESS_KEY": "s3cret", "NVIDIA_API_KEY": "s3cret",
    "SPLATWORKER_TOKEN": "s3cret", "TORCH_PASSWORD": "s3cret", "CUDA_CREDENTIALS": "s3cret", "HTTP_PROXY": "s3cret",
    "LD_PRELOAD": "", "INRIA_AUTH": "s3cret",
}  # fmt: skip

READS_PARENT = """
import json, os
from pathlib import Path
def read(pid, name):
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes().decode("latin-1")
    except OSError as error:
        return type(error).__name__
supervisor = os.getppid()
worker = int(Path(f"/proc/{supervisor}/stat").read_text().rpartition(")")[2].split()[1])
seen = {"own": json.dumps(dict(os.environ))}
seen |= {"supervisor": read(supervisor, "environ"), "worker": read(worker, "environ")}
try:
    with open(f"/proc/{worker}/mem", "rb") as memory:
        seen["memory"] = "open"
except OSError as error:
    seen["memory"] = type(error).__name__
print(json.dumps({"event": "result", "result": seen}))
"""

WITHOUT_PRIVILEGES = """
import asyncio, ctypes, json, os, sys
from pathlib import Path
from splatworker.stages import process; from splatworker.stages import supervise
from splatworker.stages.progress import Silent
libc = ctypes.CDLL(None, use_errno=True)
for capability in range(64):  # for root, who may else read everything: none for this process, nor for its children
    libc.prctl(24, capability, 0, 0, 0)
libc.capset((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)())
if sys.argv[2] == "hidden":
    supervise.hide_memory_and_environment()
command = [sys.executable, "-c", sys.argv[3]]
print(json.dumps(asyncio.run(process.run_command("photos", command, workspace=Path(sys.argv[1]), report=Silent()))))
"""


@pytest.mark.parametrize("how", ["hidden", "open"])
def test_no_stage_reads_the_workers_environment(how: str, tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT_PRIVILEGES, str(tmp_path), how, READS_PARENT],
        env={**os.environ, **SECRETS}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    seen = json.loads(ended.stdout)
    assert "s3cret" not in seen["own"] + seen["supervisor"]
    assert ("s3cret" in seen["worker"], seen["memory"]) == (
        how == "open",
        "open" if how == "open" else "PermissionError",
    )


@pytest.mark.parametrize("started", ["platform.serve", "handler.run_file"])
def test_a_worker_hides_its_memory_and_environment(started: str, tmp_path: Path) -> None:
    """Root's processes can be told by who owns their files in /proc, too: the system's, not the user's."""
    code = {
        "platform.serve": "import runpod; runpod.serverless.start = look; "
        "from splatworker.worker import runpod_queue as platform; "
        "platform.serve(None)",
        "handler.run_file": "import handler; handler._read = look; handler.run_file(None)",
    }[started]
    program = (
        "import ctypes, sys\n"
        "def look(*arguments):\n"
        "    print('dumpable', ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))\n"
        "    raise ValueError\n"
        f"try:\n    exec({code!r})\nexcept ValueError:\n    pass\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "dumpable 0" in ended.stdout, ended.stderr


TWO_JOBS = """
import asyncio, os, signal, sys
from splatworker.worker.session import sigterm_cancels_this_task

async def job(end):
    with sigterm_cancels_this_task() as shutdown:
        try:
            await end.wait()
        except asyncio.CancelledError:
            return shutdown.asked
    return False

async def scene(order):
    ends = [asyncio.Event() for _ in range(3)]
    tasks = []
    for end in ends:
        tasks.append(asyncio.create_task(job(end)))
        await asyncio.sleep(0.01)
    for number in order:
        ends[number].set()
        await tasks[number]
    running = [task for task in tasks if not task.done()]
    if running:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait(running)
    return [task.result() for task in tasks]

heard = []
signal.signal(signal.SIGTERM, lambda *_: heard.append(1))
before = signal.getsignal(signal.SIGTERM)
asked = asyncio.run(scene([int(number) for number in sys.argv[1]]))
assert signal.getsignal(signal.SIGTERM) is before
print(asked, len(heard))
"""


@pytest.mark.parametrize(
    ("order", "asked", "heard"),
    [("", [True] * 3, 1), ("0", [False, True, True], 1), ("2", [True, True, False], 1), ("20", [False, True, False], 1),
     ("012", [False] * 3, 0), ("210", [False] * 3, 0), ("102", [False] * 3, 0)],
)  # fmt: skip
def test_sigterm_reaches_every_job_that_runs(order: str, asked: list[bool], heard: int) -> None:
    ended = subprocess.run([sys.executable, "-c", TWO_JOBS, order], capture_output=True, text=True, check=False)
    assert ended.stdout == f"{asked} {heard}\n", ended.stderr

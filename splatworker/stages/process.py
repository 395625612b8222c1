"""Run one stage as a child process: follow its JSON lines, keep its noise, and leave nothing behind.

Each stage runs under `supervise.py`, which guarantees that its whole process tree is dead when `run_stage` returns,
raises, or is cancelled, and when the worker itself is killed. A supervisor that is killed itself is found out, and this
process, a subreaper as well, ends what it has left. What the stage prints besides JSON lines goes to a log file that
cannot grow beyond a bound, however much it prints.

All stages but those whose business it is run without a network (`restrict.py`): they open strangers' files.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from splatworker.errors import DeadlineExceeded, OutOfMemory, StageCrashed
from splatworker.machine import operator_limits, video_decoder
from splatworker.machine.limits import total_memory
from splatworker.stages import ending, supervise
from splatworker.stages.follow import CappedLog, Follower, read_chunks, read_lines
from splatworker.stages.progress import Reporter
from splatworker.stages.undisturbed import undisturbed

STAGE_COMMAND: tuple[str, ...] = (sys.executable, "-P", "-m", "splatworker")

MEMORY_SHARE = 0.95
"""How much of the machine's memory a stage may take where the operator says nothing: more, and the system kills."""

Request = dict[str, Any] | Callable[[], Awaitable[dict[str, Any] | None]] | AsyncIterator[dict[str, Any]] | None
"""What a stage gets on its standard input, one JSON object a line: at once, later, or one after another."""

NETWORK_STAGES = frozenset({"fetch", "fetch-videos", "upload", "notify"})

_SUPERVISOR = str(Path(__file__).with_name("supervise.py"))
_RESTRICT = str(Path(__file__).with_name("restrict.py"))
_DECODING = frozenset({"photos", "frames"})
"""Stages that open no sockets. Others may ask this machine's own services, as drivers of GPUs do."""

_LOCAL_SOCKETS = "1,16"  # AF_UNIX, AF_NETLINK

_ENVIRONMENT = ("PATH", "HOME", "LANG", "TZ", "USER", "LD_LIBRARY_PATH", "PYTHONPATH", "VIRTUAL_ENV", "DISPLAY")
_ENVIRONMENT_PREFIXES = (
    "LC_", "OMP_", "CUDA_", "NVIDIA_", "NV_", "TORCH_", "PYTORCH_", "SPLATWORKER_", "INRIA_", "MALLOC_",
)  # fmt: skip
_ENVIRONMENT_OF_NETWORK_STAGES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_SECRET_WORDS = ("KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL", "AUTH")


def stage_environment(scratch: Path, stage: str = "") -> dict[str, str]:
    """What a stage sees of the worker's environment: no key, token or secret of the platform or of anybody else."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if (name in _ENVIRONMENT or name.startswith(_ENVIRONMENT_PREFIXES))
        and not any(word in name.upper() for word in _SECRET_WORDS)
    }
    if stage in NETWORK_STAGES:
        kept |= {name: os.environ[name] for name in _ENVIRONMENT_OF_NETWORK_STAGES if name in os.environ}
    return kept | {"TMPDIR": str(scratch), "PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1"}


@dataclass(frozen=True)
class StageRunner:
    """Starts the stages of one job: what all of them have in common.

    Attributes:
        workspace: the job's folder; logs go to `logs/`, temporary files to `tmp/`.
        command: what starts a stage; tests give another.
        deadline: `time.monotonic()` at which everything must be delivered; None: whenever it is.
    """

    workspace: Path
    command: Sequence[str] = STAGE_COMMAND
    deadline: float | None = None

    async def run(
        self,
        stage: str,
        arguments: Sequence[str | Path] = (),
        *,
        report: Reporter,
        deadline: float | None = None,
        request: Request = None,
    ) -> dict[str, Any]:
        """`run_stage` in this job's workspace; `deadline` is the stage's own, and the job's is not looked at."""
        return await run_stage(
            stage,
            arguments,
            workspace=self.workspace,
            report=report,
            deadline=deadline,
            request=request,
            command=self.command,
        )


async def run_stage(
    stage: str,
    arguments: Sequence[str | Path],
    *,
    workspace: Path,
    report: Reporter,
    deadline: float | None = None,
    request: Request = None,
    command: Sequence[str] = STAGE_COMMAND,
) -> dict[str, Any]:
    """Run `command stage arguments --json` to its end; the result it sent, with `"process"`: what it cost.

    Args:
        workspace: a folder of this job; logs go to `logs/`, temporary files to `tmp/`.
        report: hears the stage's progress and warnings.
        deadline: `time.monotonic()` at which the stage is killed.
        request: sent to the stage as JSON on its standard input: for what must not stand on a command line, or
            is not known yet when the stage starts (then a function that waits for it, called once the stage runs: an
            awaitable made earlier would be left behind unheard when the job ends first). None only ends the input.

    Raises:
        SplatError: what the stage said before it failed, or how it died; or what `request` raised.
        asyncio.CancelledError: after the stage's processes are gone.
    """
    full = [*command, stage, *(str(argument) for argument in arguments), "--json"]
    return await run_command(
        stage,
        full,
        workspace=workspace,
        report=report,
        deadline=deadline,
        request=request,
    )


async def run_command(
    stage: str,
    command: Sequence[str],
    *,
    workspace: Path,
    report: Reporter,
    deadline: float | None = None,
    request: Request = None,
    watch: Callable[[bytes], None] | None = None,
    network: bool = False,
) -> dict[str, Any]:
    """`run_stage` for any command line. One that prints no JSON lines is watched instead: `watch` sees what it prints
    to standard error, and it need not send a result. With `network` it may open sockets, as `NETWORK_STAGES` may.
    """
    logs, scratch = workspace / "logs", workspace / "tmp"
    logs.mkdir(exist_ok=True)
    scratch.mkdir(exist_ok=True)
    follower = Follower(stage, report)
    supervise.become_subreaper()
    others = set(supervise.children()) if supervise.LINUX else set()
    with CappedLog(logs / f"{stage}.log") as log:
        process = await _start(
            _restricted(stage, command, network=network),
            stage,
            workspace,
            scratch,
            others,
            reads_input=request is not None,
        )
        try:
            async with asyncio.timeout(None if deadline is None else max(0.0, deadline - time.monotonic())):
                assert process.stdout is not None
                assert process.stderr is not None
                reading = asyncio.gather(
                    read_lines(process.stdout, follower.line, log.write),
                    read_chunks(process.stderr, [log.write, *([watch] if watch else [])]),
                )
                output_read = asyncio.ensure_future(ending.output_ended(process, reading))
                await _while_sending(output_read, _send(process.stdin, request))
                await ending.ended(process)
        except TimeoutError:
            raise out_of_time(stage) from None
        finally:
            await undisturbed(ending.end(process, others))
    return _outcome(stage, follower, process.returncode or 0, log.tail(), needs_result=watch is None)


def _restricted(stage: str, command: Sequence[str], *, network: bool) -> list[str]:
    """The command, without a network where it needs none."""
    if network or stage in NETWORK_STAGES:
        return list(command)
    asks_a_driver = stage not in _DECODING or (stage == "frames" and video_decoder.is_gpu())
    return [_RESTRICT, _LOCAL_SOCKETS if asks_a_driver else "none", *command]


async def _start(
    command: Sequence[str], stage: str, workspace: Path, scratch: Path, others: Collection[int], *, reads_input: bool
) -> asyncio.subprocess.Process:
    """Start a supervisor for the command; `reads_input` for one that is sent a request.

    It is known before a cancel that comes meanwhile is heard, and then ended: asyncio leaves a process behind that it
    is still waiting for, if it is cancelled a second time.
    """
    started: list[asyncio.subprocess.Process] = []

    async def start() -> None:
        with ending.starting():
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", _SUPERVISOR, str(os.getpid()), str(_most_memory())),
                *command,
                stdin=asyncio.subprocess.PIPE if reads_input else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                cwd=workspace,
                env=stage_environment(scratch, stage),
                start_new_session=True,
            )
            ending.is_supervisor(process)
            started.append(process)

    try:
        await undisturbed(start())
    except asyncio.CancelledError:
        for process in started:
            await undisturbed(ending.end(process, others))
        raise
    return started[0]


def _most_memory() -> int:
    """Bytes that a stage's processes may take together; 0 where nothing is known to bound them by."""
    machine = total_memory()
    by_machine = int(MEMORY_SHARE * machine) if machine is not None else 0
    asked = operator_limits.value("SPLATWORKER_STAGE_MIB") * 2**20
    return by_machine if asked == math.inf else min(int(asked), by_machine or int(asked))


def out_of_time(stage: str) -> DeadlineExceeded:
    """The error of a stage whose deadline has come."""
    return DeadlineExceeded(
        f"The time for this job ran out during the stage '{stage}'.",
        hint="Use fewer or smaller photos, fewer iterations, or a longer deadline.",
        stage=stage,
    )


def _outcome(stage: str, follower: Follower, returncode: int, tail: str, *, needs_result: bool) -> dict[str, Any]:
    """What a stage that has ended gave, or the error that it ended with."""
    signal = follower.exit.get("signal", 0) or max(0, -returncode)
    if follower.error is not None:
        raise follower.error
    if follower.exit.get("over_memory"):
        raise OutOfMemory(
            f"The stage '{stage}' took more than the {_most_memory() >> 20} MiB of memory that it may take.",
            hint="Use a larger machine, or fewer or smaller photos.",
            stage=stage,
        )
    if signal == ending.SIGKILL:
        raise OutOfMemory(
            f"The stage '{stage}' was killed by the system, most probably because the memory ran out.",
            hint="Use a larger machine, or fewer or smaller photos.",
            stage=stage,
        )
    if signal or returncode or (needs_result and follower.result is None):
        how = f"signal {signal}" if signal else f"exit status {returncode}"
        error = StageCrashed(
            f"The stage '{stage}' crashed ({how}).",
            hint="The end of its log is in the traceback; please report it.",
            stage=stage,
        )
        error.add_note(f"The last lines of {stage}.log:\n{tail}")
        raise error
    cost = {name: follower.exit[name] for name in ("peak_rss_bytes", "cpu_seconds") if name in follower.exit}
    return (follower.result or {}) | {"process": cost}


async def _send(stdin: asyncio.StreamWriter | None, request: Request) -> None:
    if stdin is None or request is None:
        return
    with contextlib.suppress(ConnectionError):  # a stage that died without reading will be found out elsewhere
        async for message in _messages(request):
            stdin.write(json.dumps(message).encode() + b"\n")
            await stdin.drain()
    stdin.close()


async def _messages(request: Request) -> AsyncIterator[dict[str, Any]]:
    """The messages of a request, each when it is known."""
    if isinstance(request, AsyncIterator):
        async for message in request:
            yield message
    elif isinstance(request, dict):
        yield request
    elif request is not None and (awaited := await request()) is not None:
        yield awaited


async def _while_sending(reading: asyncio.Future[Any], sending: Coroutine[Any, Any, None]) -> None:
    """Read what a stage prints while its request is sent; an error in making the request ends the reading, too."""
    sending_task = asyncio.create_task(sending)
    sending_task.add_done_callback(lambda sent: reading.cancel() if not sent.cancelled() and sent.exception() else None)
    try:
        await reading
    except asyncio.CancelledError:
        if sending_task.done() and not sending_task.cancelled() and (error := sending_task.exception()):
            raise error from None
        raise
    finally:
        sending_task.cancel()  # a stage that died early has not read all of it

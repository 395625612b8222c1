"""The worker: photos in, one splat out.

python3 handler.py JOB.json     do one job file, with or without {"input": ...} around it, and print the answer
python3 handler.py              on RunPod: take jobs from the endpoint's queue; elsewhere: do test_input.json
"""

from __future__ import annotations

from splatworker.stages.kept import kept

with kept():
    import asyncio
    import contextlib
    import json
    import signal
    import sys
    import time
    from collections.abc import Coroutine
    from pathlib import Path
    from types import FrameType
    from typing import Any

    from splatworker.contract import job
    from splatworker.contract.job_file import read as _read
    from splatworker.errors import Cancelled, SplatError, from_os_error
    from splatworker.pipeline import outputs, transfers
    from splatworker.pipeline import run as pipeline
    from splatworker.pipeline.exporter import Exporter
    from splatworker.stages import command, interrupts, standard_streams
    from splatworker.stages.console import Console
    from splatworker.stages.printable import printable
    from splatworker.stages.process import StageRunner
    from splatworker.stages.supervise import hide_memory_and_environment
    from splatworker.stages.undisturbed import undisturbed
    from splatworker.stages.workspace import private_workspace
    from splatworker.worker import logs, preflight, responses
    from splatworker.worker.session import JobSession, Shutdown, WorkerSettings, sigterm_cancels_this_task

PLATFORM = WorkerSettings()

logs.configure()


async def handler(event: dict[str, Any], settings: WorkerSettings = PLATFORM) -> dict[str, Any]:
    """Do one job and answer it: `{"status": "success", ...}` or `{"status": "error", "error": "...", ...}`."""
    session = JobSession(event, settings)
    session.log.info("job started")
    try:
        with private_workspace() as workspace, sigterm_cancels_this_task() as shutdown:
            answer = await _work(session, settings, workspace, shutdown)
    except SplatError as error:  # there is no room for a workspace, and so none to send a webhook from
        answer = responses.failure(error, session.project_id)
    session.log.info("job ended", status=answer["status"], code=answer.get("code"), timings=answer.get("timings"))
    return answer


async def _work(session: JobSession, settings: WorkerSettings, workspace: Path, shutdown: Shutdown) -> dict[str, Any]:
    """The five steps of a job, and whoever waits for it told how they ended."""
    started = time.monotonic()
    deadline: float | None = None
    try:
        # 1. Understand the job: what is wrong with it is told before anything is fetched or paid for.
        order = job.parse(session.input)
        deadline = preflight.check(order, local=settings.local)
        runner = StageRunner(workspace, settings.command, deadline)
        session.open(order, workspace)

        # 2. Bring the photos here, and the videos that photos are made of, while the trainer warms up.
        photos = transfers.fetch(
            order.image_urls,
            runner,
            session.report,
            local=settings.local,
            masks=order.mask_urls,
            video_urls=order.videos,
            recipe=order,
        )

        async with Exporter(list(order.outputs), runner, session.report) as exporter:
            # 3. Make the splat of them: decode, COLMAP, training, export.
            splat = await pipeline.run(
                order,
                photos,
                runner,
                session.report,
                gpu_required=settings.gpu_required,
                on_training=exporter.warm_up,
            )
            if splat.device != "cpu":
                exporter.open_gpu()

            # 4. Hand it over, and then what else was wanted of it.
            uploading = time.monotonic()
            size = await transfers.upload(splat.ply, order.upload_url, runner, session.report, local=settings.local)
            splat.timings["upload"] = round(time.monotonic() - uploading, 2)
            made_outputs = await outputs.deliver(order, splat, exporter, local=settings.local)
        answer = responses.success(
            order, size, splat, made_outputs, session.report.warnings, time.monotonic() - started
        )
    except asyncio.CancelledError:
        error = Cancelled("The job was stopped before it was done.", hint="Send it again if that was a mistake.")
        answer = responses.failure(error, session.project_id)
        if shutdown.asked or session.tells_of_a_cancel:
            await _tell_quickly(session, answer, workspace, shutdown)
        else:
            await undisturbed(session.close(in_a_hurry=True))
        if not shutdown.asked:
            raise  # the platform has stopped the job itself, and wants no answer
        return answer
    except Exception as error:
        answer = responses.failure(error, session.project_id, session.report.warnings)

    # 5. Tell whoever waits for it.
    await _tell(session, answer, workspace, shutdown, deadline)
    return answer


async def _tell(
    session: JobSession, answer: dict[str, Any], workspace: Path, shutdown: Shutdown, deadline: float | None
) -> None:
    """Tell a job's end. One stopped when its splat was delivered has succeeded, but there is no time left.

    Raises:
        CancelledError: the platform has stopped the job itself, and wants no answer.
    """
    task = asyncio.current_task()
    stopped = task is not None and task.cancelling() > 0
    try:
        await session.tell(answer, workspace, deadline=deadline, in_a_hurry=stopped)
    except asyncio.CancelledError:
        # Stopped while the webhook is under way: it has a moment to arrive, or else is sent once more, and quickly.
        await _tell_quickly(session, answer, workspace, shutdown)
        if not shutdown.asked:
            raise
    if stopped and not shutdown.asked:
        raise asyncio.CancelledError


async def _tell_quickly(session: JobSession, answer: dict[str, Any], workspace: Path, shutdown: Shutdown) -> None:
    """Tell a stopped job's end, quickly; whoever stops it again meanwhile waits for that, and gets the answer, too."""
    try:
        await undisturbed(session.tell(answer, workspace, in_a_hurry=True))
    except asyncio.CancelledError:
        if not shutdown.asked:
            raise


def run_file(path: Path) -> int:
    """Do the job in a file, on this machine; the exit status."""
    hide_memory_and_environment()
    try:
        event = _read(path)
    except (OSError, ValueError) as error:
        print(printable(f"{path} cannot be read as a JSON file: {error}"), file=sys.stderr)
        return 1
    logs.configure(quiet=True)  # the console tells it better
    with Console() as console:
        settings, interrupted = WorkerSettings(local=True, sinks=[console]), False
        try:
            answer = asyncio.run(_until_ctrl_c(handler({"input": job.read_input(event)}, settings)))
        except (asyncio.CancelledError, KeyboardInterrupt):
            interrupted = True
            answer = responses.failure(Cancelled("The job was stopped.", hint="Start it again to go on."), None)
    unread = _print(answer)
    if answer["status"] != "success":
        with contextlib.suppress(OSError):
            print(printable(f"Error: {answer['error']} {answer['hint']} [{answer['code']}]"), file=sys.stderr)
    if unread is not None:
        return command.tell_people(unread)
    return interrupts.INTERRUPTED if interrupted else 0 if answer["status"] == "success" else 1


def _print(answer: dict[str, Any]) -> SplatError | None:
    """Print an answer; why it could not be, if nobody reads it any more, or the disk that it goes to is full."""
    try:
        print(json.dumps(answer, indent=2), flush=True)
    except OSError as error:
        return from_os_error(error, "pipeline")
    return None


async def _until_ctrl_c(work: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
    """`work`, cancelled by Ctrl+C. Pressed again while the job ends, or when it has, it changes nothing."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None

    def stop(signum: int, frame: FrameType | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(task.cancel)

    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:  # as of what a shell runs in its background
        signal.signal(signal.SIGINT, stop)
    return await work


def main(argv: list[str]) -> int:
    """Serve the platform's queue, or do one job file."""
    standard_streams.open_missing()
    files = [word for word in argv if not word.startswith("-")]
    if not logs.on_platform() and not argv:
        files = ["test_input.json"]
    if files and not logs.on_platform() and not any(word.startswith(("--rp_", "--test_input")) for word in argv):
        return run_file(Path(files[0]))
    from splatworker.worker import runpod_queue  # noqa: PLC0415 - the SDK takes a second to import

    runpod_queue.serve(handler)
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1:])
    interrupts.ignore()  # what is left is the interpreter's own end, which takes the handler away
    sys.exit(status)

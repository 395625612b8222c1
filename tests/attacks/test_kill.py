"""kill -9 of a worker, a supervisor or a stage at some moment: one answer, one message, and nothing is left behind."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from support.platform_fixtures import NAMES
from support.platform_server import Platform
from support.s3 import Store
from support.waiting import wait_until

STAGES = ["probe", "fetch", "photos", "sfm", "train", "upload", "notify"]
SLOW = ("sfm=slow:0.3", "train=slow:0.3")


def at_work(workspaces: Path) -> dict[int, list[str]]:
    """Processes that live in one of these workspaces: id -> command line."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            if state != "Z" and str((entry / "cwd").readlink()).startswith(str(workspaces)):
                found[int(entry.name)] = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
    return found


def victims(who: str, stage: str, workspaces: Path) -> list[int]:
    """The processes of a stage that are its supervisor, or are not."""
    return [
        pid for pid, words in at_work(workspaces).items()
        if stage in words and any("supervise.py" in word for word in words) == (who == "supervisor")
    ]  # fmt: skip


def do(store: Store, key: str) -> dict[str, Any]:
    return {
        "image_urls": store.photo_urls(NAMES),
        "upload_url": store.presign("PUT", key),
        "webhook_url": store.hook_url(),
        "params": {"resolution_scales": [1.0]},
    }


def killed(who: str, stage: str, delay_s: float, platform: Platform, store: Store, workspaces: Path) -> None:
    """Do a job during which somebody is killed, and see what comes of it."""
    worker = platform.start_worker("w1", *SLOW)
    platform.submit("job-1", do(store, "a.ply"))
    wait_until(lambda: victims("supervisor", stage, workspaces) or platform.results)
    time.sleep(delay_s)
    if who == "worker":
        platform.kill("w1")
    else:
        for pid in victims(who, stage, workspaces)[:1]:
            # Whoever was at work when we looked may have come to its own end since: then nobody is killed.
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    # A worker whose fitness check was killed ends by itself, and the platform starts another.
    wait_until(lambda: worker.poll() is not None or platform.results)
    if worker.poll() is not None:
        platform.start_worker("w2")
    (result,) = platform.wait_for("job-1")
    succeeded = result["output"]["status"] == "success"
    assert succeeded == ("a.ply" in store.objects) or stage in ("upload", "notify")
    if who == "worker":
        assert succeeded
    answers = [job for job, body in platform.posts if body.get("status") != "IN_PROGRESS"]
    assert answers == ["job-1"]
    assert len({headers["webhook-id"] for headers, _ in store.hooks}) <= 1
    assert {status == "completed" for status in store.statuses()} <= {succeeded}
    assert bool(store.hooks) or stage == "notify"
    # The next job finds everything as it should be.
    platform.submit("job-2", do(store, "b.ply"))
    assert platform.wait_for("job-2")[0]["output"]["status"] == "success"
    assert at_work(workspaces) == {}
    assert list(workspaces.iterdir()) == []


@pytest.mark.parametrize(("who", "stage"), [("worker", "train"), ("supervisor", "photos"), ("stage", "sfm")])
def test_somebody_is_killed(who: str, stage: str, platform: Platform, store: Store, workspaces: Path) -> None:
    killed(who, stage, 0.1, platform, store, workspaces)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(42))
def test_anybody_is_killed_at_any_moment(seed: int, platform: Platform, store: Store, workspaces: Path) -> None:
    chance = random.Random(seed)
    who = ["worker", "supervisor", "stage"][seed % 3]
    stage = STAGES[seed // 3 % len(STAGES)]
    killed(who, stage, chance.uniform(0, 0.4), platform, store, workspaces)

"""A job of panoramas, by the real stages."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from support import photo_sets
from support.jobs import local_job

import handler
from splatworker.formats.panorama import mark_equirectangular
from splatworker.worker.session import WorkerSettings


@pytest.mark.slow
def test_a_job_of_panoramas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "workspaces").mkdir()
    monkeypatch.setenv("SPLATWORKER_WORKSPACE", str(tmp_path / "workspaces"))
    rays = photo_sets.sphere_rays(1200)
    paths = []
    for number, pose in enumerate(photo_sets.walk(6)):
        paths.append(tmp_path / f"{number}.jpg")
        photo_sets.save(photo_sets.photograph(photo_sets.hall(), pose, rays), paths[-1])
        mark_equirectangular(paths[-1])
    job = local_job(
        paths,
        tmp_path / "out" / "splat.ply",
        outputs={"quality": str(tmp_path / "out" / "quality.json"), "poster": str(tmp_path / "out" / "poster.webp")},
        params={"eval": True, "iterations": 100},
    )
    answer = asyncio.run(handler.handler(job, WorkerSettings(local=True)))
    assert answer["status"] == "success", answer
    assert answer["photos"] == {
        "given": 6, "used": 6, "registered": 6, "panoramas": 6, "views": 36, "rejected": [],
    }  # fmt: skip
    assert answer["quality"]["held_out_photos"] == 5
    assert any("cut into 36 views" in warning for warning in answer["warnings"])
    counted = json.loads((tmp_path / "out" / "quality.json").read_text())["photos"]
    assert {name: counted[name] for name in ("given", "registered", "panoramas", "views")} == {
        "given": 6, "registered": 6, "panoramas": 6, "views": 36,
    }  # fmt: skip

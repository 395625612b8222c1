"""The kinds of folders that commands fill: where their files lie, and how those of versions without a record are known.

Each kind of folder has an account that was written last and names what it is of. A file that the account speaks of and
that is no newer is as that version left it: that is certain, and it may be replaced.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from splatworker.formats.folder_record import COARSE_NS, Kind
from splatworker.formats.model_folder import is_of_training
from splatworker.formats.side_files import json_in, json_of, text_of


def is_of_scene(name: str) -> bool:
    """Whether a file of this path in a scene folder stands where `splatworker sfm` writes, or may write one day."""
    return re.match(r"(images|masks|depths|sparse)(/|$)|(frame|report)\.json$", name) is not None


OBJECT_IN_OUT = "object.json"
"""Where the object of a run is, which has a frame of its own: beside its splat.ply."""


def earlier_run(folder: Path) -> list[str]:
    """The files of `splatworker run` at the top of its OUT: `result.json`, and what that names."""
    account = _account(folder / "result.json", "gaussians", "photos", "quality", "timings", "outputs", "ply")
    if account is None or not isinstance(account["outputs"], dict):
        return []
    made = [Path(str(path)).name for path in (account["ply"], *account["outputs"].values())]
    return _as_left(folder, [*made, "result.json"], "result.json")


def earlier_scene(folder: Path) -> list[str]:
    """The files of `splatworker sfm`, whose `report.json` names the photos."""
    account = _account(folder / "report.json", "registered", "rung", "cameras", "pairs", "attempts")
    if account is None:
        return []
    sparse = [f"sparse/0/{name}.bin" for name in ("cameras", "images", "points3D")]
    photos = [f"images/{name}" for name in _photos_of(account["cameras"])]
    return _as_left(folder, [*sparse, *photos, "frame.json", "report.json"], "report.json")


def _photos_of(cameras: Any) -> Iterator[str]:
    for camera in cameras if isinstance(cameras, list) else ():
        photos = camera.get("photos") if isinstance(camera, dict) else None
        yield from (name for name in photos or () if isinstance(name, str))


def earlier_model(folder: Path) -> list[str]:
    """The files of `splatworker train`, which alone writes `train_log.jsonl`, and last."""
    entries = [json_in(line) for line in text_of(folder / "train_log.jsonl").splitlines()]
    wanted = {"iteration", "loss", "gaussians"}
    if not (entries and all(isinstance(entry, dict) and wanted <= set(entry) for entry in entries)):
        return []
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*")]
    return _as_left(folder, [name for name in names if is_of_training(name)], "train_log.jsonl")


def _account(path: Path, *fields: str) -> Mapping[str, Any] | None:
    """The JSON object in a file, where it has all these fields."""
    found = json_of(path)
    return found if isinstance(found, dict) and all(field in found for field in fields) else None


def _as_left(folder: Path, names: Iterable[str], account: str) -> list[str]:
    """Those of the names that are files no newer than the account."""
    last = (folder / account).lstat().st_mtime_ns + COARSE_NS
    left = []
    for name in names:
        if ".." in Path(name).parts or Path(name).is_absolute():
            continue  # a name that comes out of a file
        try:
            found = (folder / name).lstat()
        except OSError:
            continue
        if found.st_mtime_ns <= last:
            left.append(name)
    return left


SCENE = Kind(is_of_scene, earlier_scene)
MODEL = Kind(is_of_training, earlier_model)

"""Finding the splat in a model folder."""

from __future__ import annotations

import re
from pathlib import Path

from splatworker.errors import InvalidScene
from splatworker.formats.folder_record import RECORD, recorded

_OF_TRAINING = re.compile(
    r"cfg_args|cameras\.json|input\.ply|results\.json|train_log\.jsonl|exposure\.json"
    r"|chkpnt\d+\.(npz|pth)|point_cloud/iteration_\d+/.+"
)


def is_of_training(name: str) -> bool:
    """Whether a trainer, ours or the original, writes a file of this path into its model folder."""
    return _OF_TRAINING.fullmatch(name) is not None


def iteration_of(name: str) -> int | None:
    """After which iteration a splat or checkpoint of this path in a model folder was written; None: it is neither."""
    match = re.match(r"(?:chkpnt|point_cloud/iteration_)(\d+)[./]", name)
    return int(match[1]) if match else None


def find_splat(path: Path) -> Path:
    """The PLY that `path` means: itself, or a model folder's latest `point_cloud/iteration_N/point_cloud.ply`.

    The latest is of the training that came last: where a record tells what that has written, an older or longer one's
    does not count.

    Raises:
        InvalidScene: there is none.
    """
    if path.is_file():
        return path
    saved = {}
    for ply in path.glob("point_cloud/iteration_*/point_cloud.ply"):
        if ply.is_file() and (iteration := iteration_of(ply.relative_to(path).as_posix())) is not None:
            saved[iteration] = ply
    saved = _of_the_last_training(path, saved)
    if not saved:
        raise InvalidScene(f"{path} is neither a PLY nor a model folder with one.")
    return saved[max(saved)]


def _of_the_last_training(model: Path, saved: dict[int, Path]) -> dict[int, Path]:
    """Those of the splats that the record names; or those beside it, where they are newer: another trainer's."""
    noted = recorded(model)
    recorded_splats = {number: ply for number, ply in saved.items() if ply.relative_to(model).as_posix() in noted}
    if not recorded_splats:
        return saved
    written = (model / RECORD).stat().st_mtime_ns
    newer = {
        number: ply
        for number, ply in saved.items()
        if number not in recorded_splats and ply.stat().st_mtime_ns > written
    }
    return newer or recorded_splats

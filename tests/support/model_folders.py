"""A model folder as a trainer leaves it, of a splat that is known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from splatworker.formats.gaussians import Gaussians
from splatworker.formats.ply import write_ply
from splatworker.render.interface import GaussianTensors
from splatworker.render.tensors import to_gaussians

HELD_OUT = ["photo000.png", "photo008.png"]


def write_model(
    folder: Path,
    splat: Gaussians | GaussianTensors,
    size: tuple[int, int] = (48, 36),
    held_out: Sequence[str] = HELD_OUT,
) -> Path:
    """Write what the trainer leaves of a run of 30 iterations on a scene of `scene_folders.write_scene`."""
    gaussians = splat if isinstance(splat, Gaussians) else to_gaussians(splat)
    folder.mkdir(parents=True)
    write_ply(folder / "point_cloud" / "iteration_30" / "point_cloud.ply", gaussians)
    cameras = [{"id": 0, "width": size[0], "height": size[1]}]
    (folder / "cameras.json").write_text(json.dumps(cameras))
    (folder / "cfg_args").write_text("Namespace(sh_degree=3, white_background=False)")
    scores = [{"name": name, "psnr": 40.0, "ssim": 0.99} for name in held_out]
    history = [{"iteration": iteration, "psnr": 30.0 + iteration / 3} for iteration in (10, 20, 30)]
    results = {"iteration": 30, "psnr": 40.0, "ssim": 0.99, "test": {"photos": scores}, "history": history}
    (folder / "results.json").write_text(json.dumps(results))
    log = [{"iteration": i, "loss": 1 / i, "gaussians": len(gaussians)} for i in range(10, 31, 10)]
    (folder / "train_log.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in log))
    return folder

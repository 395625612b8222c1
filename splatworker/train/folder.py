"""The model folder, in the layout of the original trainer, so that its viewers and tools find what they expect.

model/cfg_args                                       the model options, as the repr of an argparse Namespace
model/cameras.json                                   every camera: size, focal lengths, position and rotation
model/input.ply                                      the sparse points that training started from
model/point_cloud/iteration_N/point_cloud.ply        the splat after N iterations
model/chkpntN.npz                                    everything needed to resume after N iterations
model/results.json                                   PSNR and SSIM, with --eval
model/train_log.jsonl                                loss and number of Gaussians over the iterations
"""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

from splatworker.formats.atomic import write_text
from splatworker.formats.ply import write_ply, write_point_ply
from splatworker.formats.scene import Photo, Scene, image_size
from splatworker.gaussians import Gaussians
from splatworker.train.options import UNUSED, Options

STAGE = "train"


def write_description(options: Options, scene: Scene, train: list[Photo], test: list[Photo]) -> None:
    """Write `cfg_args`, `cameras.json` and `input.ply`."""
    folder = options.model_path
    config = Namespace(
        sh_degree=options.sh_degree,
        source_path=str(options.source_path),
        model_path=str(options.model_path),
        images=options.images,
        depths=UNUSED["depths"],
        resolution=options.resolution,
        white_background=options.white_background,
        train_test_exp=UNUSED["train_test_exp"],
        data_device=UNUSED["data_device"],
        eval=options.eval,
    )
    write_text(folder / "cfg_args", repr(config), STAGE)
    cameras = [_camera_entry(index, photo, options) for index, photo in enumerate([*test, *train])]
    write_text(folder / "cameras.json", json.dumps(cameras), STAGE)
    write_point_ply(folder / "input.ply", scene.points.xyz, scene.points.rgb, STAGE)


def _camera_entry(index: int, photo: Photo, options: Options) -> dict[str, Any]:
    size = image_size(photo.camera, options.resolution)
    camera = photo.camera.resized(*size)
    return {
        "id": index,
        "img_name": photo.name,
        "width": camera.width,
        "height": camera.height,
        "position": camera.center.tolist(),
        "rotation": camera.camera_from_world[:, :3].T.tolist(),
        "fy": camera.fy,
        "fx": camera.fx,
    }


def splat_path(model: Path, iteration: int) -> Path:
    """Where the splat after `iteration` iterations lies."""
    return model / "point_cloud" / f"iteration_{iteration}" / "point_cloud.ply"


def write_splat(model: Path, iteration: int, gaussians: Gaussians) -> Path:
    """Write the splat after `iteration` iterations; its path."""
    path = splat_path(model, iteration)
    write_ply(path, gaussians, STAGE)
    return path


def write_log(model: Path, entries: list[dict[str, Any]]) -> None:
    """Write `train_log.jsonl`."""
    write_text(model / "train_log.jsonl", "".join(json.dumps(entry) + "\n" for entry in entries), STAGE)

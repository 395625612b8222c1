"""The model folder, in the layout of the original trainer, so that its viewers and tools find what they expect.

model/cfg_args                                       the model options, as the repr of an argparse Namespace
model/cameras.json                                   every camera: size, focal lengths, position and rotation
model/input.ply                                      the sparse points that training started from
model/point_cloud/iteration_N/point_cloud.ply        the splat after N iterations
model/chkpntN.npz                                    everything needed to resume after N iterations
model/results.json                                   PSNR and SSIM, with --eval
model/exposure.json                                  the exposure of each photo, with --train_test_exp
model/train_log.jsonl                                loss and number of Gaussians over the iterations
"""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

from splatworker.formats import filling, folder_record, ownership
from splatworker.formats.atomic import write_text
from splatworker.formats.folder_kinds import MODEL
from splatworker.formats.gaussians import Gaussians
from splatworker.formats.model_folder import is_of_training, iteration_of
from splatworker.formats.ply import write_ply, write_point_ply
from splatworker.formats.scene import Photo, Scene, image_size
from splatworker.train.checkpoint import checkpoint_path
from splatworker.train.options import UNUSED, Options

STAGE = "train"


class ModelFolder:
    """A model folder of one training: when it has written something, nothing is left there of an earlier one.

    Until then an earlier training stays as it is. A training that goes on from a checkpoint keeps what was written up
    to that: it is of the same training.

    Args:
        options: which folder, and at which iterations something will be written.
        resumed_at: the iteration that the training goes on from, 0 where it begins.
    """

    def __init__(self, options: Options, resumed_at: int) -> None:
        self.path = options.model_path
        self._planned = _planned(options)
        known = [name for name in folder_record.ours(self.path, MODEL.earlier) if is_of_training(name)]
        self._kept = [name for name in known if _goes_on(self.path, name, options.start_checkpoint, resumed_at)]
        self._earlier = [name for name in known if name not in self._kept]

    @property
    def is_taken(self) -> bool:
        """Whether an earlier training lies here that this one has not replaced yet."""
        return bool(self._earlier)

    def begin(self) -> None:
        """From now on this training writes: its files alone count, and those of an earlier one go."""
        self._record()
        filling.remove(self.path, self._earlier)
        self._earlier = []

    def written(self) -> None:
        """Note what has been written by now."""
        self._record()

    def _record(self) -> None:
        others = [name for name in folder_record.ours(self.path) if not is_of_training(name)]
        there = [name for name in self._planned if name not in self._earlier and (self.path / name).is_file()]
        missing = [name for name in self._planned if name not in there]
        folder_record.record(self.path, [*others, *self._kept, *there], STAGE, planned=missing)


def demand_usable(options: Options) -> None:
    """Refuse a model folder that cannot be written, or that holds another maker's model.

    Raises:
        InvalidJob, DiskFull: before any work.
    """
    folder = options.model_path
    ownership.demand_usable(folder, "-m", STAGE)
    ownership.demand_other(folder, options.source_path / options.images, "-m", STAGE)
    ownership.demand_free(folder, MODEL, "-m", STAGE, beside=True)


def _planned(options: Options) -> list[str]:
    """The paths of all that a training may write."""
    model = options.model_path
    saved = [splat_path(model, number) for number in {*options.save_iterations, options.iterations}]
    checkpoints = [checkpoint_path(model, number) for number in options.checkpoint_iterations]
    names = [path.relative_to(model).as_posix() for path in (*saved, *checkpoints)]
    exposures = ["exposure.json"] if options.train_test_exp else []
    return ["cfg_args", "cameras.json", "input.ply", "results.json", "train_log.jsonl", *exposures, *names]


def _goes_on(model: Path, name: str, checkpoint: Path | None, resumed_at: int) -> bool:
    """Whether a file of an earlier training belongs to this one, which resumes from a checkpoint there."""
    if checkpoint is None or not checkpoint.resolve().is_relative_to(model.resolve()):
        return False
    iteration = iteration_of(name)
    return (iteration is not None and iteration <= resumed_at) or (model / name).samefile(checkpoint)


def write_description(options: Options, scene: Scene, train: list[Photo], test: list[Photo], behind: int = 0) -> None:
    """Write `cfg_args`, `cameras.json` and `input.ply`; the last `behind` Gaussians of a splat are the backdrop."""
    folder = options.model_path
    config = Namespace(
        sh_degree=options.sh_degree,
        source_path=str(options.source_path),
        model_path=str(options.model_path),
        images=options.images,
        depths=UNUSED["depths"],
        resolution=options.resolution,
        white_background=options.white_background,
        train_test_exp=options.train_test_exp,
        data_device=UNUSED["data_device"],
        eval=options.eval,
    )
    if options.masks is not None or options.mask_mode != "auto" or options.invert_masks:
        config.masks = str(options.masks or "")
        config.mask_mode, config.invert_masks = options.mask_mode, options.invert_masks
    if behind:
        config.backdrop_gaussians = behind
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

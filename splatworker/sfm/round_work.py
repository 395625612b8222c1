"""What a mapper in rounds works on: the arrays of a model that grows, and what is known of its photos beforehand."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from splatworker.sfm import round_rules, tracks
from splatworker.sfm.accelerator import NONE, Accelerator
from splatworker.sfm.agreement import Verified
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.round_rules import Rules
from splatworker.sfm.workbench import Workbench


@dataclass
class Work:
    """A model that grows, and what is known of its photos beforehand.

    Attributes:
        cameras: of each lens, as the database has them.
        sizes: (P, 2) of the photos in pixels.
        given: (L, 8) of each lens the parameters to begin with.
        free: of each lens bits of the parameters that may move.
        accelerator: a GPU, if any, that adjusts many photos.
        trials: how often a camera was looked for, by photo.
    """

    model: tracks.Growing
    cameras: list[pycolmap.Camera]
    sizes: tracks.Floats
    given: tracks.Floats
    free: npt.NDArray[np.uint8]
    rules: Rules
    seed: int
    threads: int
    accelerator: Accelerator = NONE
    trials: Counter[int] = field(default_factory=Counter)

    @property
    def placed(self) -> npt.NDArray[np.intp]:
        """The photos that have a camera."""
        return np.flatnonzero(self.model.placed)


def work_of(
    bench: Workbench,
    options: pycolmap.IncrementalPipelineOptions,
    verified: Verified,
    images: Mapping[int, pycolmap.Image],
    cameras: Mapping[int, pycolmap.Camera],
) -> Work:
    """The beginning: no photo has a camera yet.

    Args:
        images, cameras: by id, as the database has them.
    """
    features = tracks.features_of(verified, options.min_num_matches)
    camera_ids = sorted(cameras)
    of_photo = [images[image_id].camera_id for image_id in features.images]
    parameters = np.zeros((len(camera_ids), 8))
    for row, camera_id in enumerate(camera_ids):
        values = cameras[camera_id].params
        parameters[row, : len(values)] = values
    count = len(features.images)
    model = tracks.Growing(
        features,
        tracks.Lenses(
            np.array([int(cameras[camera_id].model) for camera_id in camera_ids], np.int32),
            parameters,
            np.searchsorted(camera_ids, of_photo).astype(np.int32),
        ),
        poses=np.tile([0.0, 0, 0, 1, 0, 0, 0], (count, 1)),
        placed=np.zeros(count, np.uint8),
        point_of=np.full(len(features.seen), tracks.NONE, np.int32),
        points=np.zeros((0, 3)),
    )
    held = set(options.constant_cameras)
    return Work(
        model,
        [cameras[camera_id] for camera_id in camera_ids],
        np.array([[cameras[one].width, cameras[one].height] for one in of_photo], float).reshape(-1, 2),
        parameters.copy(),
        np.array([0 if one in held else _free_parameters(cameras[one], options) for one in camera_ids], np.uint8),
        round_rules.of_options(options),
        bench.options.seed,
        bench.threads,
        bench.accelerator,
    )


def copy_of(work: Work, rules: Rules) -> Work:
    """The same model to go on with by other rules, all photos to be asked again, while the given one stays as it is."""
    model = work.model
    model = dataclasses.replace(
        model,
        lenses=dataclasses.replace(model.lenses, parameters=model.lenses.parameters.copy()),
        poses=model.poses.copy(),
        placed=model.placed.copy(),
        point_of=model.point_of.copy(),
        points=model.points.copy(),
    )
    return dataclasses.replace(work, model=model, rules=rules, trials=Counter())


def _free_parameters(camera: pycolmap.Camera, options: pycolmap.IncrementalPipelineOptions) -> int:
    """Bits of what of a camera may move."""
    focal = camera.focal_length_idxs() if options.ba_refine_focal_length else []
    others = camera.extra_params_idxs() if options.ba_refine_extra_params else []
    return sum(1 << index for index in (*focal, *others))

"""The exposure of each photo, learnt beside the splat: what makes its picture as bright and as warm as the photo.

Cameras set exposure and white balance anew for every photo, and a splat of such photos is a mean of them all, with the
differences explained by colours that depend on the direction, or by haze. Here a 3 x 3 matrix and an offset for each
photo explain them (`render.interface.Exposure`): nothing at first, then what Adam makes of the loss's gradient.

Splat and exposures together can say the same picture in many ways: a bluer splat, and all exposures the more orange.
The loss sees no difference, a viewer, who gets the bare splat, does. So the mean of all exposures is held at what
changes nothing, exactly, and the splat has the photos' mean light.

Every photo comes once in a round, so that nobody wants to know its new exposure before the round is over. The gradients
of a round stay where they are made, on a GPU in its memory, and are fetched together; Adam then takes the round's steps
one after the other, each with the gradient of the one photo that it saw, and the mean is put right.

For photos held out there is no gradient. The exposure that explains a photo's left half best, by least squares, is what
its right half is scored with.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from splatworker.formats.atomic import write_text
from splatworker.render.arrays import Array, Device, device_of, to_device, to_numpy
from splatworker.render.interface import ADAM_BETA1, ADAM_BETA2, ADAM_EPSILON, Exposure, Ignored, View
from splatworker.train.options import Options
from splatworker.train.schedule import exposure_rate

Matrices = npt.NDArray[np.float64]

NOTHING = np.eye(3, 4)
"""The exposure that changes nothing."""

MIDDLE_GREY = 0.5
"""Of the range of a channel: what exposures are told by, in one number for each colour."""

_LEAST_SINGULAR = 1e-9
"""Of the largest: colours that vary by less than that tell nothing of an exposure."""


@dataclass(frozen=True)
class ExposureState:
    """Where the exposures of N photos stand, for a checkpoint.

    Attributes:
        matrices, first, second: (N, 3, 4), the exposures and Adam's moments.
        gradients: (N, 3, 4) float32, of the photos seen in this round.
        seen: (K, 2) int64, of each photo seen in this round its index and the iteration, in order.
    """

    matrices: Matrices
    first: Matrices
    second: Matrices
    gradients: npt.NDArray[np.float32]
    seen: npt.NDArray[np.int64]


class Exposures:
    """The exposures of N photos under training.

    Args:
        options: the run's options.
        count: N.
        device: that of the Gaussians.
        state: what a checkpoint has of them; None: they begin.

    Attributes:
        matrices: (N, 3, 4) as they were at the end of the last round. Their mean changes nothing.
    """

    def __init__(self, options: Options, count: int, device: Device, state: ExposureState | None = None) -> None:
        self._options, self._device = options, device
        if state is None:
            none = np.zeros((count, *NOTHING.shape))
            state = ExposureState(none + NOTHING, none, none, none.astype(np.float32), np.zeros((0, 2), np.int64))
        self.matrices, self._first, self._second = (
            array.copy() for array in (state.matrices, state.first, state.second)
        )
        self._seen: dict[int, int] = dict(state.seen.tolist())
        self._placed = to_device(self.matrices.astype(np.float32), device)
        self._gradients = to_device(state.gradients.copy(), device)

    def of(self, photo: int, iteration: int) -> Exposure:
        """That of a photo, for the step of an iteration (from 1), which writes its gradient."""
        if photo in self._seen:  # before the round's end, as after a checkpoint of another device
            self._learn()
        self._seen[photo] = iteration
        return Exposure(self._placed[photo], self._gradients[photo])

    def after_step(self, iteration: int) -> None:
        """Learn, where a round is over or the training is."""
        if len(self._seen) == len(self.matrices) or iteration == self._options.iterations:
            self._learn()

    def _learn(self) -> None:
        gradients = to_numpy(self._gradients).astype(np.float64)
        for photo, iteration in self._seen.items():
            self._first *= ADAM_BETA1
            self._second *= ADAM_BETA2
            self._first[photo] += (1 - ADAM_BETA1) * gradients[photo]
            self._second[photo] += (1 - ADAM_BETA2) * gradients[photo] ** 2
            first, second = self._first / (1 - ADAM_BETA1**iteration), self._second / (1 - ADAM_BETA2**iteration)
            self.matrices -= exposure_rate(self._options, iteration) * first / (np.sqrt(second) + ADAM_EPSILON)
        self.matrices += NOTHING - self.matrices.mean(axis=0)
        self._seen = {}
        self._placed[...] = to_device(self.matrices.astype(np.float32), self._device)

    def state(self) -> ExposureState:
        """For a checkpoint."""
        return ExposureState(
            self.matrices.copy(),
            self._first.copy(),
            self._second.copy(),
            to_numpy(self._gradients).copy(),
            np.array([*self._seen.items()], np.int64).reshape(-1, 2),
        )

    def as_taken(self, photo: int, picture: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """(3, H, W) a picture of the splat with the exposure of a photo, cut off as photos are."""
        return exposed(picture, self.matrices[photo]).clip(0, 1)

    def in_figures(self) -> dict[str, float]:
        """What the account says of them: the least and the most that they multiply red, green or blue of a grey by."""
        gains = gains_of(self.matrices)
        return {"least": round(float(gains.min()), 3), "most": round(float(gains.max()), 3)}

    def write(self, model: Path, names: Sequence[str]) -> None:
        """Write `exposure.json` into a model folder: of each photo's name three rows of four numbers.

        Raises:
            DiskFull, SplatError: it cannot be written.
        """
        told: dict[str, Any] = {
            name: matrix.round(6).tolist() for name, matrix in zip(names, self.matrices, strict=True)
        }
        write_text(model / "exposure.json", json.dumps(told, indent=1) + "\n", "train")


def gains_of(matrices: Matrices) -> Matrices:
    """(N, 3) what (N, 3, 4) exposures multiply red, green and blue of a middle grey by."""
    gains: Matrices = matrices[:, :, :3].sum(axis=2) + matrices[:, :, 3] / MIDDLE_GREY
    return gains


def exposed(picture: npt.NDArray[np.float32], matrix: Matrices) -> npt.NDArray[np.float32]:
    """(3, H, W) a picture with its colours as an exposure, (3, 4), has them; see `render.interface.Exposure`."""
    of = matrix.astype(np.float32)
    shown: npt.NDArray[np.float32] = np.tensordot(of[:, :3], picture, 1) + of[:, 3, None, None]
    return shown


def fitted(picture: npt.NDArray[np.float32], photo: npt.NDArray[np.uint8]) -> Matrices:
    """(3, 4) the exposure that makes (3, M) colours of a picture most like a photo's, by least squares.

    Of those that do so alike, the one that is nearest to changing nothing: where colours hardly vary, that.
    """
    shown = np.concatenate([picture.astype(np.float64), np.ones((1, picture.shape[1]))])
    missing = photo.astype(np.float64) / 255 - shown[:3]
    change, *_ = np.linalg.lstsq(shown @ shown.T, shown @ missing.T, rcond=_LEAST_SINGULAR)
    found: Matrices = NOTHING + change.T
    return found


class Comparable(NamedTuple):
    """A view and a picture of it that are to be compared: both of the same part of the photo, in its light."""

    view: View
    image: Array
    """(3, H, W) float32 in [0, 1], on the device that the view is on."""


def of_right_half(view: View, image: Array) -> Comparable:
    """The right half of a photo and of (3, H, W) its picture, which has the exposure that is fitted on their left half.

    Where one of the halves is ignored as a whole, or is none, the whole photo.
    """
    picture, photo = to_numpy(image), to_numpy(view.photo)
    counts = np.ones(photo.shape[1:], bool) if view.ignored is None else to_numpy(view.ignored.pixels) == 0
    middle = photo.shape[2] // 2
    left = counts.copy()
    left[:, middle:] = False
    if not left.any():
        return Comparable(view, image.clip(0, 1))
    shown = exposed(picture, fitted(picture[:, left], photo[:, left]))
    first = middle if counts[:, middle:].any() else 0
    return _part(view, shown, first, device_of(image))


def in_light_of(view: View, image: Array, matrix: Matrices) -> Comparable:
    """A photo and (3, H, W) its picture, with an exposure, (3, 4)."""
    return _part(view, exposed(to_numpy(image), matrix), 0, device_of(image))


def _part(view: View, shown: npt.NDArray[np.float32], first: int, device: Device) -> Comparable:
    """The columns of a view, and of its picture on the host, from `first` on."""

    def placed(array: npt.NDArray[Any]) -> Array:
        return to_device(np.ascontiguousarray(array), device)

    image = placed(shown[:, :, first:].clip(0, 1))
    if first == 0:
        return Comparable(view, image)
    camera = replace(view.camera, width=view.camera.width - first, cx=view.camera.cx - first)
    ignored = view.ignored
    if ignored is not None:
        ignored = Ignored(placed(to_numpy(ignored.pixels)[:, first:]), ignored.weight)
    return Comparable(View(camera, placed(to_numpy(view.photo)[:, :, first:]), ignored), image)

"""The photos of a training on the device that trains: first those to train on, then those held out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from splatworker.formats.camera import Camera
from splatworker.formats.scene import Photo, Scene
from splatworker.render.arrays import Device
from splatworker.stages.progress import Reporter
from splatworker.train.light import Correction
from splatworker.train.loading import Loaded, Loading
from splatworker.train.options import Options
from splatworker.train.photos import load_views
from splatworker.train.views import Views
from splatworker.train.warm_up import warming_up

LOADING_SHARE = 0.04
"""Of the stage's time, for its progress."""


@dataclass(frozen=True)
class Dataset:
    """A scene, and its photos on a device.

    Attributes:
        train, test: the photos to train on, and those held out.
        views: of all, in this order.
        correction: what was taken out of them, to have all in one light; None where nothing was.
    """

    scene: Scene
    train: list[Photo]
    test: list[Photo]
    views: Views
    correction: Correction | None

    @property
    def train_views(self) -> Views:
        """The views to train on."""
        return self.views[: len(self.train)]

    @property
    def train_cameras(self) -> list[Camera]:
        """The cameras of the photos to train on, at the scene's size."""
        return [photo.camera for photo in self.train]

    @property
    def names(self) -> list[str]:
        """Of all photos, in the order of their views."""
        return [photo.name for photo in (*self.train, *self.test)]

    @property
    def ignored_in(self) -> int:
        """In how many photos to train on a part is ignored."""
        return sum(self.views.ignored(index) is not None for index in range(len(self.train)))


def load_dataset(
    loaded: Loaded,
    loading: Loading,
    options: Options,
    device: Device,
    report: Reporter,
) -> Dataset:
    """Bring the photos of a scene onto a device, in one light where the options want that; `report` hears of it.

    Raises:
        InvalidScene, InvalidMasks: a photo, or its mask, cannot be used.
    """
    photos = [*loaded.train_photos, *loaded.test_photos]

    def progress(count: int) -> None:
        report.progress("loading photos", LOADING_SHARE * count / len(photos))

    with warming_up(device):
        views = load_views(photos, options, device, progress, decoded=loaded.decoded)
    views, correction = _in_common_light(views, loading, report)
    return Dataset(loaded.scene, loaded.train_photos, loaded.test_photos, views, correction)


def _in_common_light(views: Views, loading: Loading, report: Reporter) -> tuple[Views, Correction | None]:
    """The views in one light, as if through a lens that does not darken, and what was taken out of them; as they are,
    and None, where none was asked for or the photos agree. Told to `report`.
    """
    correction = None if views.have_holes else loading.correction()  # a hole has its own colour
    if correction is None:
        return views, None
    gains = correction.gains
    if correction.lenses:
        most, photos = max(fall for _, fall in correction.lenses), sum(count for count, _ in correction.lenses)
        report.warning(
            f"The lens darkens the corners of {photos} photos (by up to {most:.0%} of the light): that was taken out."
        )
    if gains is None:
        return views.divided(np.ones((len(views), 3)), correction.falloffs), correction
    least, most = gains.min(), gains.max()
    report.warning(
        f"Light differs between the photos ({least:.2f} to {most:.2f} of its mean): they were brought into one."
    )
    return views.divided(gains, correction.falloffs), correction

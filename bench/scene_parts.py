"""Scenes of some of a set's photos, with the cameras that the whole set has, to score on the others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def name_of(scene: Path) -> str:
    """What a set is called: the folder's name, or its parent's where it is `scene/` of a run."""
    path = scene.absolute()
    return path.parent.name if path.name == "scene" else path.name


def photo_names(scene: Path) -> list[str]:
    """The names of a scene's photos, in order."""
    import pycolmap

    model = pycolmap.Reconstruction(str(scene / "sparse" / "0"))
    return sorted(model.image(number).name for number in model.reg_image_ids())


def part_of_names(scene: Path, names: Sequence[str], target: Path) -> None:
    """Make the scene folder of some of the photos, which are linked; points that fewer than two see are left out."""
    import pycolmap

    model = pycolmap.Reconstruction(str(scene / "sparse" / "0"))
    for image in [model.image(number) for number in model.reg_image_ids()]:
        if image.name not in names:
            model.deregister_frame(image.frame_id)
    (target / "sparse" / "0").mkdir(parents=True)
    model.write(str(target / "sparse" / "0"))
    (target / "images").symlink_to(scene / "images")


def spread(photos: Sequence[T], count: int) -> list[T]:
    """So many of the photos, or all there are, evenly apart and not at the ends."""
    count = min(count, len(photos))
    return [photos[(2 * number + 1) * len(photos) // (2 * count)] for number in range(count)]

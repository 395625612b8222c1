"""Which files of the folder the reconstruction begins with, and what is said of those that it does without."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from splatworker.errors import NoPhotos, TooFewPhotos
from splatworker.sfm import panoramas, reasons, told_areas
from splatworker.sfm.cut import TOO_SMALL, with_views
from splatworker.sfm.duplicates import find_near_duplicates
from splatworker.sfm.layout import needed
from splatworker.sfm.masks import with_masks
from splatworker.sfm.options import SfmOptions
from splatworker.sfm.photo import PhotoHeader, read_photos
from splatworker.sfm.workbench import Workbench
from splatworker.stages.file_names import find_files, left_out, readable


@dataclass(frozen=True)
class InputPhotos:
    """The photos of a folder in capture order, with their masks, and what else there is.

    Attributes:
        usable: those that cameras could be found of, near-duplicates among them.
        near_duplicates: of those that are left out, by name, the photo before that shows the same.
        useless: why others are of no use, by name: a clause.
        unreadable: names of files that are no photo.
        passed_over: sentences on folders and files that nobody looked into.
        misread: names of ordinary photos whose header calls them parts of a panorama: no area is told of them.
    """

    usable: list[PhotoHeader]
    near_duplicates: dict[str, str]
    useless: dict[str, str]
    unreadable: list[str]
    passed_over: list[str]
    misread: set[str]

    @property
    def chosen(self) -> list[PhotoHeader]:
        """The photos to reconstruct from."""
        return [photo for photo in self.usable if photo.name not in self.near_duplicates]

    @property
    def count(self) -> int:
        """Of all files that were given as photos."""
        return len(self.usable) + len(self.useless) + len(self.unreadable)


def read_input(images: Path, masks: Path | None, bench: Workbench) -> InputPhotos:
    """Look into the folder of photos, and of its masks if there is one.

    Raises:
        NoPhotos, TooFewPhotos: there are not as many as a reconstruction takes.
        InvalidMasks: there are masks, and none is of any photo.
    """
    usable, useless, unreadable = _read(images, masks, bench.options)
    inside = find_files(images, masks)
    passed_over = [
        *(
            f"The folder {name} was passed over: {reason}."
            for name, reason in inside.passed_over.items()
            if images / name != masks
        ),
        *left_out(inside.set_aside.items()),
    ]
    usable = with_masks(usable, masks, bench.mask_rules, images)
    near_duplicates = find_near_duplicates(usable, images)
    misread = told_areas.ordinary_after_all(
        [photo for photo in usable if photo.name not in near_duplicates], images, bench
    )
    usable = [replace(photo, area=None, upright_by=1) if photo.name in misread else photo for photo in usable]
    return InputPhotos(usable, near_duplicates, useless, unreadable, passed_over, misread)


def _read(images: Path, masks: Path | None, options: SfmOptions) -> tuple[list[PhotoHeader], dict[str, str], list[str]]:
    """The photos of the folder in capture order, as many as are needed; why others are of no use; what is no photo."""
    if not images.is_dir():
        raise NoPhotos(f"There is no folder {images}.", hint="Give a folder of photos.")
    found, unreadable = read_photos(images, masks)
    if not found:
        others = f"; splatworker photos makes them of others ({unreadable[0]}, ...)" if unreadable else ""
        raise NoPhotos(
            f"There is no JPEG or PNG photo in {readable(images.name)}.", hint=f"Give a folder of photos{others}."
        )
    useless = {photo.name: photo.unusable for photo in found if photo.unusable}
    useless |= {photo.name: TOO_SMALL for photo in with_views(found, needed(options))[1]}
    photos = [photo for photo in found if photo.name not in useless]
    if useless and len(photos) < options.min_registered:
        name, reason = next(iter(useless.items()))
        raise NoPhotos(
            f"Of {len(found)} photos {len(useless)} cannot be used. Of {name}: {reason}.",
            hint="Give ordinary photos of one subject, or equirectangular panoramas.",
        )
    if len(photos) < options.min_registered:
        raise TooFewPhotos(
            f"{len(photos)} photos are too few: {options.min_registered} are needed.", hint=reasons.SHOOTING_HINT
        )
    panoramas.demand_few_enough(photos, needed(options))
    return photos, useless, unreadable

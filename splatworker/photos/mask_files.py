"""What is said of a folder of masks once the photos are known: masks of no photo, scaled ones, ones of no use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from splatworker.errors import InvalidMasks
from splatworker.formats.mask_names import MaskFiles
from splatworker.photos.kinds import KINDS
from splatworker.stages.file_names import first_few, readable

HARDLY_ANYTHING = 0.02
"""A share of a photo: masks that keep less are probably the wrong way round."""


def judge(
    folder: Path, photos: Sequence[str], masked: Sequence[tuple[Path, dict[str, Any]]], among: Iterable[Path] = ()
) -> Iterator[str]:
    """Sentences for the person who gave the masks.

    Args:
        folder: the masks.
        photos: the files that they may be of, photos or not, by their names.
        among: these files themselves, where masks may lie among them.
        masked: the mask of each photo that has one, and what came of the photo.

    Raises:
        InvalidMasks: no mask is of any photo, or every photo that has one was refused for its mask.
    """
    files = MaskFiles.within(folder, among)
    others = [readable(name) for name in files.others]
    if others and not files.names:
        raise InvalidMasks(
            f"There is no mask in the folder {readable(folder.name)}: what is there are no pictures "
            f"({first_few(others)}).",
            hint=f"A mask is a picture ({KINDS}) of its photo's shape, white where the photo counts.",
        )
    if others:
        yield f"Not used, as masks are pictures: {first_few(others)}, in the folder {readable(folder.name)}."
    elif not files.names:
        yield f"The folder {readable(folder.name)} is empty: there are no masks."
    second = [readable(name) for name in files.second(photos)]
    alone = [name for name in map(readable, files.without_photo(photos)) if name not in second]
    if photos and files.names and len(alone) == len(files.names):
        raise InvalidMasks(
            f"None of the {len(alone)} masks has the name of a photo ({first_few(alone)}).",
            hint="Name the mask of a.jpg a.png, a.jpg.png or a_mask.png, that of b/a.jpg b/a.png; a folder of photos "
            "must not be called masks.",
        )
    refused = [(mask.name, outcome["reason"]) for mask, outcome in masked if outcome.get("for_mask")]
    if masked and len(refused) == len(masked):
        raise InvalidMasks(
            f"None of the {len(masked)} masks can be used: {first_few(_alike(refused), '; ')}.",
            hint="A mask is of its photo's shape, white where the photo counts; invert_masks is for the opposite.",
        )
    if second:
        yield (
            f"Not used, as their photos have other masks: {first_few(second)}. That of a.jpg is a.jpg.png before a.png."
        )
    if alone:
        one = len(alone) == 1
        yield f"{first_few(alone)} {'is the mask' if one else 'are the masks'} of no photo."
    if labels := [readable(mask.name) for mask, outcome in masked if outcome.get("labels")]:
        one = len(labels) == 1
        yield (
            f"{first_few(labels)} {'is a picture' if one else 'are pictures'} of several labels, not of black and "
            "white: every label was taken for white, and 0 for black."
        )
    yield from _of_little_use(
        [(readable(mask.name), outcome["kept"]) for mask, outcome in masked if outcome.get("kept")]
    )
    if shades := [readable(mask.name) for mask, outcome in masked if outcome.get("shades")]:
        one = len(shades) == 1
        yield (
            f"{first_few(shades)} {'is' if one else 'are'} in shades of grey rather than black and white, as photos "
            f"are: what is lighter than the middle was kept. {'Is it a mask' if one else 'Are they masks'}?"
        )
    if unsure := [readable(mask.name) for mask, outcome in masked if outcome.get("unsure")]:
        yield (
            f"{first_few(unsure)}: the photo is turned or mirrored by its header, and nothing told whether the mask is "
            "as well; it was taken as the photo's pixels lie. Save photos and masks without such a header."
        )
    several: dict[Path, int] = {}
    for mask, outcome in masked:
        several[mask] = several.get(mask, 0) + ("reason" not in outcome)
    if shared := [readable(mask.name) for mask, count in several.items() if count > 1]:
        yield (
            f"{first_few(shared)}: taken for each of several photos of one name. That of a.jpg alone is a.jpg.png, "
            "that of a.png a.png.png."
        )
    scaled = [(readable(mask.name), outcome["scaled"]) for mask, outcome in masked if outcome.get("scaled")]
    if scaled:
        shown = [f"{name} of {size}" for name, size in scaled]
        yield f"Masks were scaled to the size of their photos: {first_few(shown)}."


def _of_little_use(kept: Sequence[tuple[str, float]]) -> Iterator[str]:
    """Where masks hide nothing, or nearly all: by their names, and what share of its photo each keeps."""
    shares = [share for _, share in kept]
    if shares and min(shares) == 1:
        one = len(kept) == 1
        yield (
            f"{'The mask' if one else f'None of the {len(kept)} masks'} hides {'nothing' if one else 'anything'}: "
            f"{'it is' if one else 'they are'} white all over."
        )
    elif shares and median(shares) < HARDLY_ANYTHING:
        yield (
            f"The masks keep only {median(shares):.1%} of their photos: white is what is kept. Where black is, say so "
            "(invert_masks)."
        )


def _alike(refused: Sequence[tuple[str, str]]) -> list[str]:
    """Why masks were refused: what is wrong with several is said once, of the first."""
    said: dict[str, list[str]] = {}
    for name, reason in sorted(refused):
        alone = reason.removeprefix(f"its mask {name} ")
        said.setdefault(alone, []).extend([readable(name)] if alone != reason else [])
    return [
        f"{names[0]} {reason}" + (f" ({len(names) - 1} more likewise)" if len(names) > 1 else "") if names else reason
        for reason, names in said.items()
    ]

"""Which file is the mask of which photo: by names, as the programs that make masks write them.

The mask of `sub/a.jpg` is `sub/a.jpg.png`, `sub/a.png`, `sub/a.mask.png`, `sub/a.jpg.mask.png` or `sub/a.png.mask`; or,
where there is none of these, `sub/a_mask.png` or `sub/mask_a.png`, with a hyphen, too. It is of any kind of picture and
in any letter case, in a folder `masks` that has the photos' sub-folders.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal, get_args

MaskMode = Literal["auto", "ignore", "cutout"]
"""What masked pixels are: `ignore`: nobody knows what is there; `cutout`: nothing is there; `auto`: the first where a
mask file says it, the second where the photo's own alpha does."""

MODES: tuple[MaskMode, ...] = get_args(MaskMode)


@dataclass(frozen=True)
class MaskRules:
    """How masks are meant.

    Attributes:
        mode: what masked pixels are.
        invert: in mask files black is kept. A photo's own alpha says what it says.
    """

    mode: MaskMode = "auto"
    invert: bool = False

    def cuts(self, *, is_file: bool) -> bool:
        """Whether nothing is where a mask file, or a photo's own alpha, hides something."""
        return not is_file if self.mode == "auto" else self.mode == "cutout"


AS_GIVEN = MaskRules()

FOLDER = "masks"
"""Of masks, in the folder of photos or beside it."""

FOLDERS = (FOLDER, "mask")
"""What else it may be called, in any letter case."""

PHOTOS = "images"
"""The folder of photos that a folder of masks may stand beside."""

MOST_MASKS = 20_000
"""Files that a folder of masks is searched for."""

_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".heic", ".heif", ".avif")
_MARK = ".mask"
_WORD = "mask"
_JOINED_BY = ("_", "-", ".", " ")
"""What may stand between a photo's name and the word: Metashape writes `a_mask.png`."""
_NOBODYS = ("thumbs.db", "desktop.ini")
_EXACT = "/"
"""Before a photo's name, which begins with none: it is meant letter by letter."""


@dataclass(frozen=True)
class MaskFiles:
    """The masks in a folder, ready to be asked for by the names of photos.

    Attributes:
        folder: where they lie.
        names: their paths in it, with / between the parts.
        others: files there that are no pictures by their names.
    """

    folder: Path
    names: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    _by_photo: dict[str, str] = field(default_factory=dict)

    @classmethod
    def within(cls, folder: Path, photos: Iterable[Path] = ()) -> MaskFiles:
        """The masks of a folder and its sub-folders; none where there is no such folder.

        Args:
            photos: files that are no masks, where masks and photos lie in one folder.
        """
        names, others = _files(folder)
        if own := {path.resolve() for path in photos}:
            names = [name for name in names if (folder / name).resolve() not in own]
        by_photo: dict[str, str] = {}
        for photos_of in (_photos_of, _photos_of_marked):  # a photo may itself be called a_mask.jpg
            for name in names:
                for key in photos_of(name):
                    by_photo.setdefault(_EXACT + key, name)
                    by_photo.setdefault(key.lower(), name)
        return cls(folder, tuple(names), tuple(others), by_photo)

    def of(self, photo: str) -> Path | None:
        """The mask of a photo by its path in the folder of photos; None where there is none."""
        name = self._name_of(photo)
        return None if name is None else self.folder / name

    def without_photo(self, photos: Iterable[str]) -> list[str]:
        """The masks that belong to none of these photos, or to one that has another."""
        used = {self._name_of(photo) for photo in photos}
        return [name for name in self.names if name not in used]

    def second(self, photos: Iterable[str]) -> list[str]:
        """Of these, those of photos that have another."""
        photos = list(photos)
        keys = {key.lower() for photo in photos for key in _keys(photo)}
        return [
            name
            for name in self.without_photo(photos)
            if keys.intersection(key.lower() for key in [*_photos_of(name), *_photos_of_marked(name)])
        ]

    def _name_of(self, photo: str) -> str | None:
        """Its letters as they are first: a.jpg and A.JPG may be two photos, each with a mask."""
        keys = _keys(photo)
        tried = [*(_EXACT + key for key in keys), *(key.lower() for key in keys)]
        return next((self._by_photo[key] for key in tried if key in self._by_photo), None)


def masks_folder(photos: Path) -> Path | None:
    """The folder of masks that comes with a folder of photos: `masks` in it, or beside it if that is `images`.

    `Masks` or `mask` will do, where there is no `masks`.
    """
    within = _named(photos)
    return within or (_named(photos.parent) if photos.name.lower() == PHOTOS else None)


def _named(folder: Path) -> Path | None:
    """The folder in it that is called as masks are, the more exactly the better."""
    if (folder / FOLDER).is_dir():
        return folder / FOLDER
    if not folder.is_dir():
        return None
    alike = [path for path in folder.iterdir() if path.name.lower() in FOLDERS and path.is_dir()]
    return min(alike, key=lambda path: (FOLDERS.index(path.name.lower()), path.name), default=None)


def mask_name(photo: str) -> str:
    """How we name the mask of a photo: by its whole name."""
    return f"{photo}.png"


def _keys(photo: str) -> list[str]:
    """What the mask of a photo may be of, the likelier first: all of its name, then that without its suffix."""
    whole = _plain(photo.replace("\\", "/"))
    within = f"{PHOTOS}/"  # where images/ and masks/ stand together in the folder of photos
    inner = whole[len(within) :] if whole.lower().startswith(within) else whole
    return [key for name in dict.fromkeys((whole, inner)) for key in (name, str(PurePosixPath(name).with_suffix("")))]


def _photos_of(mask: str) -> list[str]:
    """What the photo of a mask may be called, with its suffix or without; the likelier first."""
    name = _plain(mask)
    rest = _without_end(name, _MARK)
    if rest != name:
        return [rest, _without_suffix(rest)]
    return [_without_end(_without_suffix(name), _MARK)]


def _photos_of_marked(mask: str) -> list[str]:
    """The same of a mask whose name has the word before or behind the photo's."""
    path = PurePosixPath(_without_suffix(_plain(mask)))
    photos = [_without_end(path.name, between + _WORD) for between in _JOINED_BY]
    starts = [_WORD + between for between in _JOINED_BY]
    photos += [path.name[len(start) :] for start in starts if path.name.lower().startswith(start)]
    return [str(path.with_name(photo)) for photo in photos if photo not in ("", path.name)]


def _plain(name: str) -> str:
    """A name by which photo and mask are compared: letters are composed, however a file system has them."""
    return unicodedata.normalize("NFC", name)


def _without_suffix(name: str) -> str:
    suffix = PurePosixPath(name).suffix
    return name.removesuffix(suffix) if suffix.lower() in _SUFFIXES else name


def _without_end(name: str, end: str) -> str:
    """A name less its end, which is in small letters, in any letter case."""
    return name[: -len(end)] if name.lower().endswith(end) else name


def _files(folder: Path) -> tuple[list[str], list[str]]:
    """The pictures in a folder and its sub-folders by their paths in it, sorted, and the other files there; hidden ones
    are left out. Links are followed, as those of photos are, and never in a circle.
    """
    found: list[str] = []
    others: list[str] = []
    above: dict[str, set[tuple[int, int]]] = {}
    for place, inside, files in os.walk(folder, followlinks=True):
        status, around = Path(place).stat(), str(Path(place).parent)
        here, way = (status.st_dev, status.st_ino), above.get(around, set())
        if here in way:
            inside[:] = []
            continue
        above[str(Path(place))] = way | {here}
        inside[:] = sorted(name for name in inside if not name.startswith("."))
        for name in sorted(files):
            path = PurePosixPath(Path(place, name).relative_to(folder).as_posix())
            if name.startswith(".") or name.lower() in _NOBODYS:
                continue
            (found if path.suffix.lower() in (*_SUFFIXES, _MARK) else others).append(str(path))
            if len(found) + len(others) == MOST_MASKS:
                return found, others
    return found, others

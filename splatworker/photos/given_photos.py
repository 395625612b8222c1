"""The files that may be photos, as they arrive: numbered, named, each with its mask; a raw file waits for its twin."""

from __future__ import annotations

import re
import unicodedata
from collections import deque
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from splatworker.formats.mask_names import MaskFiles
from splatworker.photos import raw
from splatworker.stages import arrivals
from splatworker.stages.file_names import Found, find_files, readable


@dataclass(frozen=True)
class GivenPhoto:
    """A file that may be a photo: its number, its relative name for people, the clean name that it gets, its mask."""

    index: int
    path: Path
    shown: str
    name: str
    mask: Path | None = None

    @property
    def stem(self) -> str:
        """What a raw file and the JPEG of the same shot have in common."""
        return unicodedata.normalize("NFC", str(PurePosixPath(self.shown).with_suffix(""))).lower()


class GivenPhotos:
    """Files as they arrive, numbered and named. A raw file waits for the picture beside it that has its name."""

    def __init__(self, source: Path, all_arrived: arrivals.AllArrived, masks: Path | None) -> None:
        self.count = 0
        self.over = False  # all are counted; some may still be waiting
        self.passed_over: dict[str, str] = {}
        self.set_aside: dict[str, str] = {}
        self._source = source
        self._masks = masks
        self._batches = arrivals.arriving(source, all_arrived, self._look)
        self._waiting: deque[GivenPhoto] = deque()
        self._twins: deque[GivenPhoto] = deque()
        self._taken: set[str] = set()
        self._paths: list[Path] = []

    def next(self, developed: set[str] | None) -> GivenPhoto | None:
        """One more file; None where there is none at present, or (`over`) at all.

        A raw file with a twin comes last, when it is known what became of all others: their stems are then among
        `developed`. One that is not needed is told by `left_out`.
        """
        if not self._waiting and not self.over:
            self._take_batch()
        if self._waiting:
            return self._waiting.popleft()
        if self.over and self._twins and developed is not None and self._twins[0].stem not in developed:
            return self._twins.popleft()
        return None

    @property
    def waits(self) -> bool:
        """There is a file that was not handed out yet."""
        return bool(self._waiting or self._twins)

    def left_out(self, developed: set[str]) -> GivenPhoto | None:
        """A raw file that need not be decoded, once all others are."""
        if self.over and not self._waiting and self._twins and self._twins[0].stem in developed:
            return self._twins.popleft()
        return None

    def _take_batch(self) -> None:
        new, self.over = next(self._batches)
        files = []
        self._paths += new
        masks = None if self._masks is None or not new else MaskFiles.within(self._masks, self._paths)
        for path in new:
            shown = readable(path.relative_to(self._source).as_posix())
            mask = None if masks is None else masks.of(shown)
            files.append(GivenPhoto(self.count, path, shown, self._clean_name(shown), mask))
            self.count += 1
        ordinary = {file.stem for file in files if file.path.suffix.lower() not in raw.SUFFIXES}
        for file in files:
            is_twin = file.path.suffix.lower() in raw.SUFFIXES and file.stem in ordinary
            (self._twins if is_twin else self._waiting).append(file)

    def _look(self, folder: Path) -> list[Path]:
        found: Found = find_files(folder, self._masks)
        self.passed_over = {
            name: why for name, why in found.passed_over.items() if self._masks is None or folder / name != self._masks
        }
        self.set_aside = {name: why for name, why in found.set_aside.items() if not self._is_mask(folder / name)}
        return found.files

    def _is_mask(self, path: Path) -> bool:
        """Whether a file that is no photo lies in the folder of masks, which may be that of photos."""
        return self._masks is not None and path.resolve().is_relative_to(self._masks.resolve())

    def _clean_name(self, shown: str) -> str:
        """A harmless `.jpg` name, different from all before in any letter case, folders joined to it."""
        stem = re.sub(r"[^A-Za-z0-9_-]+", "_", str(PurePosixPath(shown).with_suffix("")))[-80:] or "photo"
        name, number = f"{stem}.jpg", 1
        while name.lower() in self._taken:
            number += 1
            name = f"{stem}_{number}.jpg"
        self._taken.add(name.lower())
        return name

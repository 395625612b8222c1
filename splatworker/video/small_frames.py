"""Frames as the decoder gives them, small and grey: how sharp each is, how far the picture moved, when it is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO

import numpy as np
import numpy.typing as npt

from splatworker.video import motion
from splatworker.video.frame_times import heard_times
from splatworker.video.letterbox import Letterbox
from splatworker.video.probe import Clip
from splatworker.video.sharpness import detail

LONGEST_SIDE = 640
"""Pixels in which sharpness is measured; motion is, in half as many."""

_UNKNOWN_STEP = 1 / 30
"""Seconds between frames that do not say when they are shown."""


_DAMAGED = ("corrupt decoded frame", "Error submitting packet to decoder")
"""What the decoder says of a frame that it made up in part, and of one that it could make nothing of."""


def small_size(clip: Clip) -> tuple[int, int]:
    """Width and height of the small frames, as they are stored: multiples of two, at most `LONGEST_SIDE`."""
    factor = min(1.0, LONGEST_SIDE / max(clip.width, clip.height))
    width, height = (max(16, round(side * factor / 2) * 2) for side in clip.stored_size)
    return width, height


class SmallFrames:
    """What is read of a clip, from the decoder's pipe and from what it says of each frame beside that.

    What it says may be ahead of the pipe: the first `len(details)` of `times`, `keys` and `shapes` have come.

    Attributes:
        times: seconds from the clip's beginning.
        keys: whether each is decoded without any other.
        shapes: width and height of each, before it was made small.
        details: as `sharpness.detail`.
        path: how far the picture has moved.
        letterbox: the bars beside it.
        timeless: frames of which nothing says when they are shown.
        damaged: frames that could not be decoded whole, or not at all.
    """

    def __init__(self, width: int, height: int) -> None:
        self._size = (height, width)
        self._bytes = bytearray(width * height)
        self.times: list[float] = []
        self.keys: list[bool] = []
        self.shapes: list[tuple[int, int]] = []
        self.details: list[tuple[float, float]] = []
        self.path = motion.Path()
        self.letterbox = Letterbox(height, width)
        self.timeless = 0
        self.damaged = 0

    @property
    def last(self) -> float | None:
        """When the last frame is shown."""
        return self.times[-1] if self.times else None

    def take(self, output: IO[bytes]) -> bool:
        """Measure one more frame; False where there is none."""
        if output.readinto(self._bytes) < len(self._bytes):  # type: ignore[attr-defined]
            return False
        grey = np.frombuffer(self._bytes, dtype=np.uint8).reshape(self._size)
        self.letterbox.add(grey)
        self.details.append(detail(grey[self.letterbox.picture()]))
        self.path.add(_halved(grey))
        return True

    def hear(self, start: float) -> Callable[[str], None]:
        """Takes the decoder's lines, of which those about a frame say when it is shown.

        Args:
            start: seconds of the clip at which the decoder's own clock is 0.
        """

        def shown(time: float | None, is_key: bool, shape: tuple[int, int]) -> None:
            last = self.times[-1] if self.times else start
            self.timeless += time is None
            self.times.append(last + _UNKNOWN_STEP if time is None else start + time)
            self.keys.append(is_key)
            self.shapes.append(shape)

        times = heard_times(shown)

        def line(text: str) -> None:
            self.damaged += any(words in text for words in _DAMAGED)
            times(text)

        return line

    def extend(self, other: SmallFrames) -> None:
        """Take the frames of another part of the clip, which come after these."""
        came = len(other.details)
        self.times += other.times[:came]
        self.keys += other.keys[:came]
        self.shapes += other.shapes[:came]
        self.details += other.details
        self.path.extend(other.path)
        self.letterbox.extend(other.letterbox)
        self.timeless += other.timeless
        self.damaged += other.damaged


def _halved(grey: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Half as wide and high, each pixel the mean of four."""
    rows = np.add(grey[::2], grey[1::2], dtype=np.uint16)
    return np.asarray((rows[:, ::2] + rows[:, 1::2]) * np.float32(0.25), dtype=np.float32)

"""How a photo says that it is a frame of a video: in the description of its EXIF data, written and read here alone.

So it is known wherever the photo goes that it follows upon others, and that one camera took all of them.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_WORDS = re.compile(r"frame of video ([0-9a-f]{8}) at (\d{1,6}\.\d{3}) s")


class VideoFrame(NamedTuple):
    """A photo's place in a video.

    Attributes:
        video: eight hexadecimal digits that tell videos apart.
        seconds: from its beginning.
    """

    video: str
    seconds: float


def describe(frame: VideoFrame) -> str:
    """The description of such a photo."""
    return f"frame of video {frame.video} at {frame.seconds:.3f} s"


def described(text: object) -> VideoFrame | None:
    """The place that a description tells; None for any other text."""
    found = _WORDS.fullmatch(text.strip("\0 ")) if isinstance(text, str) else None
    return VideoFrame(found[1], float(found[2])) if found else None

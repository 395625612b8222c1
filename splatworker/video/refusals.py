"""Why a clip is not read: a sentence each, that names it and says what to do."""

from __future__ import annotations

from pathlib import Path

from splatworker.errors import (
    NoVideo,
    VideoDamaged,
    VideoEncrypted,
    VideoError,
    VideoLeftOver,
    VideoNotSupported,
    VideoTooLarge,
    VideoTooLong,
    VideoTooShort,
    VideoTooStill,
)
from splatworker.stages.file_names import readable
from splatworker.video.ffmpeg import MOST_STREAMS, Ended

KINDS = "an MP4, MOV, WebM or MKV file with H.264, HEVC, VP9, AV1 or ProRes"

_OTHERS = (
    (0, b"<", "a web page or another text"),
    (0, b"{", "a text (JSON)"),
    (0, b"GIF8", "a GIF"),
    (0, b"\x89PNG", "a PNG picture"),
    (0, b"\xff\xd8\xff", "a JPEG photo"),
    (8, b"WEBP", "a WebP picture"),
    (8, b"AVI ", "an AVI video"),
    (8, b"avi", "an AVIF picture"),
    (4, b"ftyp", "a picture (HEIC)"),
    (0, b"FLV", "an FLV video"),
    (0, b"OggS", "an Ogg file"),
    (0, b"\x30\x26\xb2\x75", "a Windows Media video"),
    (0, b"\x00\x00\x01\xba", "an MPEG video (program stream)"),
    (0, b"\x00\x00\x01\xb3", "an MPEG video"),
    (0, b"\x00\x00\x00\x01", "a bare stream without a container"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (188, b"G", "an MPEG transport stream"),
)
"""Where the first bytes of what is not read stand, what they are, and what it is: the likelier sign first."""

_NO_MEMORY = (
    "Cannot allocate memory",
    "Resource temporarily unavailable",
    "get_buffer() failed",
    "Failed to allocate",
    "Error allocating",
)
"""What the decoder says when its limit of memory is reached: for a block, or for a thread's stack."""

HOW_TO_FILM = "Walk slowly around the subject in one turn of 30 to 90 seconds, with the lens on it."


def not_a_video(path: Path) -> NoVideo:
    """The file is none that is read: what it is by its first bytes, where that is known."""
    with path.open("rb") as file:
        head = file.read(512)
    if not head:
        return NoVideo(f"{_name(path)} is empty.", hint="Copy or upload it again.")
    kind = next((kind for at, begin, kind in _OTHERS if head[at:].lstrip(b" \r\n\t").startswith(begin)), "")
    what = f"{kind}, which is not read here" if kind else "not a video that is read here"
    return NoVideo(f"{_name(path)} is {what}.", hint=f"Give {KINDS}.")


def no_video(path: Path) -> NoVideo:
    """Nothing but sound or text is in it."""
    return NoVideo(f"{_name(path)} holds no moving pictures.", hint=f"Give {KINDS}.")


def other_codec(path: Path, codec: str) -> VideoNotSupported:
    """The pictures are of another codec."""
    return VideoNotSupported(
        f"{_name(path)} is a video of the kind '{codec[:20]}', which is not read.", hint=f"Give {KINDS}."
    )


def other_colours(path: Path, tag: str) -> VideoNotSupported:
    """Its colours are coded in a way that the decoder cannot convert."""
    return VideoNotSupported(
        f"{_name(path)} has its colours coded as '{tag}', which is not read.",
        hint="Export it in the colours of BT.709, or as HDR10 or HLG of BT.2020.",
    )


def other_projection(path: Path, projection: str) -> VideoNotSupported:
    """It shows all around, or half of it, in a way that is not read."""
    return VideoNotSupported(
        f"{_name(path)} is a 360-degree video whose projection, {projection}, is not read.",
        hint="Export it as equirectangular, twice as wide as high, with the camera's own app.",
    )


def without_base_layer(path: Path) -> VideoNotSupported:
    """Its colours need a Dolby Vision decoder."""
    return VideoNotSupported(
        f"{_name(path)} is a Dolby Vision video whose colours only such a player knows (no HLG, HDR10 or SDR in it).",
        hint="Export it as HDR10, HLG or SDR.",
    )


def encrypted(path: Path) -> VideoEncrypted:
    """It is protected."""
    return VideoEncrypted(
        f"{_name(path)} is encrypted (protected against copying).", hint="Give a video that is not protected."
    )


def too_long(path: Path, minutes: float, most: float, *, at_least: bool = False) -> VideoTooLong:
    """It has more minutes than are read."""
    says = f"lasts {'more than ' if at_least else ''}{_minutes(minutes)}"
    return VideoTooLong(
        f"{_name(path)} {says}, and at most {_minutes(most)} are read.",
        hint="Cut it, or say which part is meant with 'start' and 'end'.",
    )


def too_large(path: Path, why: str) -> VideoTooLarge:
    """It has too much of something."""
    return VideoTooLarge(f"{_name(path)} is too large: {why}.", hint="Export it as an ordinary video of 4K or less.")


def too_short(path: Path, frames: int, fewest: int, *, part: bool = False) -> VideoTooShort:
    """It has a handful of frames, or the part of it that was asked for has."""
    where = " between 'start' and 'end'" if part else ""
    return VideoTooShort(
        f"{_name(path)} has only {_frames(frames)}{where}, and {fewest} are needed.",
        hint="Ask for a longer part." if part else HOW_TO_FILM,
    )


def too_seldom(path: Path, frames: int, fewest: int, fps: float) -> VideoTooShort:
    """As many frames as were asked for are too few."""
    return VideoTooShort(
        f"By 'fps', {fps:g}, only {_frames(frames)} would be taken of {_name(path)}, and {fewest} are needed.",
        hint="Give a larger 'fps', or none.",
    )


def too_still(path: Path, frames: int) -> VideoTooStill:
    """The picture hardly moves."""
    return VideoTooStill(
        f"The picture of {_name(path)} hardly moves: {frames} of its frames differ, and that is too few.",
        hint=HOW_TO_FILM,
    )


def left_over(path: Path, room: int, fewest: int) -> VideoLeftOver:
    """Of what may be taken of all videos together, too few frames are left for it."""
    return VideoLeftOver(
        f"There is room for {_frames(room)} of {_name(path)} beside the photos and the other videos, and {fewest} are "
        "the fewest that are taken.",
        hint="Give fewer photos or videos, or ask for fewer frames of each.",
    )


def nothing_there(path: Path, start: float) -> VideoTooShort:
    """It ends before the part asked for."""
    return VideoTooShort(f"{_name(path)} ends before 'start', {start:g} s.", hint="Give an earlier 'start'.")


def took_too_much(ended: Ended) -> bool:
    """Whether the decoder was ended, or held up, by its limits of time and memory."""
    return ended.timed_out or ended.has_said(*_NO_MEMORY)


def broken(path: Path, ended: Ended | None = None) -> VideoError:
    """It cannot be decoded, by what the decoder said."""
    if ended is not None and ended.has_said("max_streams"):
        return too_large(path, f"it has more than {MOST_STREAMS} tracks")
    if ended is not None and took_too_much(ended):
        return too_large(path, "it takes too much time or memory to read")
    if ended is not None and ended.has_said("not on whitelist", "Codec not on"):
        return VideoNotSupported(f"{_name(path)} is of a kind that is not read.", hint=f"Give {KINDS}.")
    if ended is not None and ended.has_said("Picture size", "exceeds specified max pixel count"):
        return too_large(path, "its frames have more pixels than are read")
    if ended is not None and ended.has_said("moov atom not found", "EBML header parsing failed", "end of file"):
        return VideoDamaged(
            f"{_name(path)} is truncated: a part of the file is missing.", hint="Copy or upload it again."
        )
    return VideoDamaged(
        f"{_name(path)} is damaged, or not what its header says: its pictures cannot be read.",
        hint="Copy or upload it again.",
    )


def _name(path: Path) -> str:
    return f"'{readable(path.name)}'"


def _frames(number: int) -> str:
    return "1 frame" if number == 1 else f"{number} frames"


def _minutes(minutes: float) -> str:
    if minutes >= 120:
        return f"{minutes / 60:.3g} hours"
    return f"{minutes * 60:.0f} seconds" if minutes < 2 else f"{minutes:.3g} minutes"

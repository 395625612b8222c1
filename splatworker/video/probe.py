"""What a clip says of itself, before any of it is decoded: from its first bytes, and from what `ffmpeg -i` prints.

Nothing of it is believed further than that a clip is refused for it: what is decoded has limits of its own.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from splatworker.video import ffmpeg
from splatworker.video.encryption import is_encrypted
from splatworker.video.refusals import (
    broken,
    encrypted,
    no_video,
    not_a_video,
    other_codec,
    other_colours,
    other_projection,
    too_large,
    without_base_layer,
)

SUFFIXES = frozenset({".mp4", ".mov", ".m4v", ".qt", ".webm", ".mkv", ".3gp", ".3g2"})
"""Names of files that may be videos."""

_SECONDS = 60.0
"""To read a header."""

_ATOMS = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"styp")
"""What a file of ISO 14496-12 or QuickTime may begin with, after four bytes of length."""

_EBML = b"\x1aE\xdf\xa3"

_PICTURES = (b"heic", b"heix", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1", b"avif", b"avis", b"crx ", b"jp2 ")
"""Brands of ISO files that hold pictures."""


@dataclass(frozen=True)
class Box:
    """A part of a frame, in shares of its width and height from its upper left corner."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def share(self) -> float:
        """Of the frame's pixels."""
        return (self.right - self.left) * (self.bottom - self.top)


WHOLE = Box(0.0, 0.0, 1.0, 1.0)


_TRACK = re.compile(r"^ +Stream #0:(\d+)")
_STREAM = re.compile(_TRACK.pattern + r"\S*: Video: (\S+)(.*)$")
"""A track, and one of pictures; those that belong together, such as one with its timecode, are told further in."""
_SIZE = re.compile(r", (\d{1,6})x(\d{1,6})(?=,|$| )")
_PIXEL_OF_CONTAINER = re.compile(r", SAR (\d+):(\d+) DAR ")
_PIXEL_OF_CODEC = re.compile(r" \[SAR (\d+):(\d+) DAR ")
"""Width and height of a pixel: the container's word goes before that of the pictures themselves, as for players."""
_HD_WIDTH, _TV_LINES = 1280, 576
_ROUNDED = 16
"""Pixels by which what a container says of a side may differ from what is in it: codecs have blocks."""
_DURATION = re.compile(r"^  Duration: (\d+):(\d\d):(\d\d(?:\.\d+)?)(?:, start: (\d+\.\d+))?")
_RATE = re.compile(r", ([\d.]+)(k?) fps")
_COLOURS = re.compile(r"\b(?:yuv|yuvj|gbr|rgb|gray|p0|nv|bgr|x2rgb|yuva)\w*\((.*?)\)")
_ROTATION = re.compile(r"display ?matrix: rotation of (-?[\d.]+)", re.IGNORECASE)
_SPHERICAL = re.compile(r"^ +spherical(?: mapping)?: ([a-z ]*[a-z])", re.IGNORECASE)
_NOT_CUT = ("cubemap", "tiled equirectangular", "half equirectangular", "parametric immersive")
"""Projections of videos that show all around, or half of it, and that no views are cut out of."""
_STEREO = re.compile(r"^ +stereo ?3d: (side by side|top and bottom)", re.IGNORECASE)
_FIRST_EYE = {"side by side": Box(0.0, 0.0, 0.5, 1.0), "top and bottom": Box(0.0, 0.0, 1.0, 0.5)}
_TURNED_BY = re.compile(r"^filter\|filter_name=(hflip|vflip)\||^\[transpose @ .*\bdir:([0-3])\b")
"""What ffmpeg says of the filters by which it would lay frames as their header asks; of a flip in it, nothing else."""
_FLIPS = {"hflip": 0, "vflip": 180, "0": 270, "3": 90}
"""Those that mirror a frame, and by how many degrees it is turned to the left before its columns are reversed."""
_TAG_OF = {
    "bt2020": "bt2020nc",
    "bt709": "bt709",
    "smpte170m": "smpte170m",
    "bt470": "bt470bg",
    "fcc": "fcc",
    "smpte240m": "smpte240m",
}
"""Matrices by swscale's names, and the tags of each."""
_TAKEN_AS_OTHERS = ("bt2020c", "chroma-derived-nc", "chroma-derived-c", "reserved")
"""Tags of matrices that the decoder cannot convert, which are near to others, or mean nothing."""
_OTHER_COLOURS = ("ictcp", "ycgco", "ycgco-re", "ycgco-ro", "smpte2085", "ipt-c2")
"""Those that are like no other."""
_CROPPING = re.compile(r"^ +Frame Cropping: (\d+)/(\d+)/(\d+)/(\d+)$")
"""Columns from the left and the right, and rows from above and below."""
_WITH_ALPHA = re.compile(r", (?:yuva|gbrap|rgba|bgra|argb|abgr|ya)\w*")
_ALPHA_BESIDE = re.compile(r"^ +alpha_mode +: 1$", re.IGNORECASE)
"""Pixels with an opacity; WebM and MKV have it beside the pictures."""
_DOLBY = re.compile(r"DOVI configuration record: .*profile: (\d+), .*compatibility id: (\d+)")


@dataclass(frozen=True)
class Clip:
    """A clip as its header describes it.

    Attributes:
        demuxer: "mov" or "matroska".
        codec: by ffmpeg's name.
        width, height: pixels of an upright frame, of which each is a square.
        seconds: 0 where it does not say.
        rate: frames a second, on average, 0 where it does not say.
        matrix: of its colours, by swscale's name.
        retagged: what they are taken for, by the name of a tag, where theirs is one that the decoder cannot convert.
        transfer: "hlg", "pq", or "" for what a screen shows as it is.
        rotation: degrees by which a frame as it is stored must be turned, to the left: 0, 90, 180 or 270.
        interlaced: its header says so.
        spherical: it shows all around, equirectangularly.
        mirrored: the columns of a turned frame must be reversed, too.
        stream: the number of the track that is read.
        coded: width and height of its pictures, whatever shape their pixels have, as the decoder gives them: without
            what its container crops; (0, 0) where that is not known.
        alike: how many other tracks have pictures as large.
        lesser: how many have smaller ones.
        transparent: its pictures have an opacity, too.
        eye: the part of a frame, as it is stored, that one eye sees: of a stereoscopic clip the first eye's.
    """

    path: Path
    demuxer: str
    codec: str
    width: int
    height: int
    seconds: float
    rate: float
    matrix: str
    transfer: str
    rotation: int
    interlaced: bool
    spherical: bool = False
    mirrored: bool = False
    stream: int = 0
    coded: tuple[int, int] = (0, 0)
    alike: int = 0
    lesser: int = 0
    transparent: bool = False
    retagged: str = ""
    eye: Box = WHOLE

    @property
    def stored_size(self) -> tuple[int, int]:
        """Width and height before a frame is turned upright, pixels made square."""
        return (self.height, self.width) if self.rotation in (90, 270) else (self.width, self.height)

    @property
    def retagging(self) -> list[str]:
        """The filter, if any, by which the decoder takes the colours for those that they are `retagged` as."""
        return [f"setparams=colorspace={self.retagged}"] if self.retagged else []


def is_video(path: Path) -> bool:
    """Whether a file is a video by its name, or by its first bytes where the name says nothing."""
    if path.suffix.lower() in SUFFIXES:
        return True
    return not path.suffix and begins_as_video(path)


def begins_as_video(path: Path) -> bool:
    """Whether a file is a video by its first bytes, whatever it is called."""
    try:
        return bool(_demuxer(path))
    except OSError:
        return False


def probe(path: Path, but_not: Collection[int] = ()) -> Clip:
    """Read a clip's header.

    Args:
        but_not: numbers of tracks that are not looked at.

    Raises:
        VideoError: it is none that is read, with a sentence that names it.
    """
    demuxer = _demuxer(path)
    if not demuxer:
        raise not_a_video(path)
    if is_encrypted(path, demuxer):
        raise encrypted(path)
    said, ended = _header(path, demuxer)
    if ended.timed_out:
        raise too_large(path, "its header takes too long to read")
    streams = [
        line
        for line in said
        if (found := _STREAM.match(line)) and "(attached pic)" not in line and int(found[1]) not in but_not
    ]
    if not streams:
        if any(_TRACK.match(line) for line in said):
            raise no_video(path)
        raise broken(path, ended)
    clip = _clip(path, demuxer, streams, said)
    return _unmirrored(clip) if any(_ROTATION.search(line) for line in said) else clip


def _header(path: Path, demuxer: str, *opening: str) -> tuple[list[str], ffmpeg.Ended]:
    """What is said of a clip as it is opened, with these options of the input."""
    said: list[str] = []
    words = ffmpeg.reading(path.absolute(), demuxer, before=opening)
    with TemporaryDirectory() as folder:
        return said, ffmpeg.call(words, Path(folder), hear=said.append, seconds=_SECONDS)


def _demuxer(path: Path) -> str:
    """Which demuxer reads a file, by its first bytes; "" for none."""
    with path.open("rb") as file:
        head = file.read(16)
    if head[:4] == _EBML:
        return "matroska"
    if head[4:8] == b"ftyp" and head[8:12] in _PICTURES:
        return ""
    return "mov" if head[4:8] in _ATOMS else ""


def _unmirrored(clip: Clip) -> Clip:
    """The clip, of which it is known whether its frames are shown mirrored: how its header has them laid is asked of
    ffmpeg, by one frame, for of the header itself it tells the turn alone.
    """
    said: list[str] = []
    show = ["-map", f"0:{clip.stream}", "-frames:v", "1", "-print_graphs", "-print_graphs_format", "compact"]
    reading = [word for word in ffmpeg.reading(clip.path.absolute(), clip.demuxer) if word != "-noautorotate"]
    reading[reading.index("-loglevel") + 1] = "verbose"
    with TemporaryDirectory() as folder:
        ffmpeg.call([*reading, *show, "-f", "null", "-"], Path(folder), hear=said.append, seconds=_SECONDS)
    by = dict.fromkeys(found[1] or found[2] for line in said if (found := _TURNED_BY.match(line)))
    turn = _FLIPS.get(next(iter(by))) if len(by) == 1 else None
    return clip if turn is None else replace(clip, rotation=turn, mirrored=True)


def _largest(path: Path, streams: Sequence[str]) -> tuple[re.Match[str], int, int]:
    """The track with the largest pictures of those that are read: others hold previews, or maps of depth; and how many
    beside it are as large, and how many are smaller.

    Raises:
        VideoNotSupported: none is.
    """
    every = [match for line in streams if (match := _STREAM.match(line))]
    found = list({match[1]: match for match in every}.values())  # one that belongs to two others is told twice
    known = [match for match in found if match[2].rstrip(",") in ffmpeg.CODECS]
    if not known:
        raise other_codec(path, found[0][2].rstrip(","))
    pixels = [int(size[1]) * int(size[2]) if (size := _SIZE.search(match[3])) else 0 for match in known]
    most = max(pixels)
    return known[pixels.index(most)], pixels.count(most) - 1, len(known) - pixels.count(most)


def _clip(path: Path, demuxer: str, streams: Sequence[str], said: Sequence[str]) -> Clip:
    match, alike, lesser = _largest(path, streams)
    codec = match[2].rstrip(",")
    if any((found := _DOLBY.search(line)) and (found[1] == "5" or found[2] == "0") for line in said):
        raise without_base_layer(path)
    size = _SIZE.search(match[3])
    if size is None:
        raise broken(path)
    width, height = stored = int(size[1]), int(size[2])
    if not width or not height:
        raise broken(path)
    if width * height > ffmpeg.MOST_PIXELS:
        raise too_large(path, f"its frames have {width}x{height} pixels, and {_megapixels()} megapixels are the most")
    after = _about(match[0], said)
    width, height = coded = _cropped(stored, after)
    pixel = _pixel(path, demuxer, match, stored)
    if pixel and 0 < int(pixel[1]) < 100 * int(pixel[2]) and int(pixel[2]) < 100 * int(pixel[1]):
        width = max(1, round(width * int(pixel[1]) / int(pixel[2])))
    rotation = next((round(float(found[1])) for line in after if (found := _ROTATION.search(line))), 0) % 360
    if rotation in (90, 270):
        width, height = height, width
    projection = next((found[1].lower() for line in after if (found := _SPHERICAL.search(line))), "")
    if projection in _NOT_CUT:
        raise other_projection(path, projection)
    stereo = next((found[1].lower() for line in after if (found := _STEREO.search(line))), "")
    colours = _COLOURS.search(match[3])
    words = re.split(r"[,/ ]+", colours[1]) if colours else []
    transfer = "hlg" if "arib-std-b67" in words else "pq" if "smpte2084" in words else ""
    tag = words[1 if words[0] in ("tv", "pc") and len(words) > 1 else 0] if words else ""
    if tag in _OTHER_COLOURS:
        raise other_colours(path, tag)
    wide = bool(transfer) or "bt2020" in words or tag == "bt2020c"
    matrix = _matrix(tag, coded, wide=wide)
    retagged = _TAG_OF[matrix] if tag in _TAKEN_AS_OTHERS else ""
    rate = _RATE.search(match[3])
    duration = next((found for line in said if (found := _DURATION.match(line))), None)
    return Clip(
        path=path,
        demuxer=demuxer,
        codec=codec,
        width=width,
        height=height,
        seconds=_seconds(duration, demuxer),
        rate=float(rate[1]) * (1000 if rate[2] else 1) if rate else 0.0,
        matrix=matrix,
        retagged=retagged,
        transfer=transfer,
        rotation=rotation if rotation in (90, 180, 270) else 0,
        interlaced="top" in words or "bottom" in words,
        spherical=projection == "equirectangular",
        stream=int(match[1]),
        coded=coded,
        alike=alike,
        lesser=lesser,
        transparent=bool(_WITH_ALPHA.search(match[3])) or any(_ALPHA_BESIDE.match(line) for line in after),
        eye=_FIRST_EYE.get(stereo, WHOLE),
    )


def _cropped(size: tuple[int, int], about: Sequence[str]) -> tuple[int, int]:
    """What the container leaves of frames of a size, its clean aperture: that is what the decoder gives."""
    found = next((match for line in about if (match := _CROPPING.search(line))), None)
    left, right, top, bottom = (int(side) for side in found.groups()) if found else (0, 0, 0, 0)
    width, height = size[0] - left - right, size[1] - top - bottom
    return (width, height) if width > 0 and height > 0 else size


def _pixel(path: Path, demuxer: str, track: re.Match[str], coded: tuple[int, int]) -> re.Match[str] | None:
    """The width and height of a track's pixels: as its container says, if that knows how many there are."""
    told = _PIXEL_OF_CONTAINER.search(track[3])
    if told is not None:
        said, _ = _header(path, demuxer, "-nofind_stream_info")
        same = [found[3] for line in said if (found := _STREAM.match(line)) and found[1] == track[1]]
        size = _SIZE.search(same[0]) if same else None
        if size and all(abs(int(size[1 + axis]) - coded[axis]) <= _ROUNDED for axis in (0, 1)):
            return told
    return _PIXEL_OF_CODEC.search(track[3])


def _about(stream: str, said: Sequence[str]) -> Sequence[str]:
    """What is said of a track: the lines up to the next one's."""
    start = said.index(stream)
    end = next((number for number in range(start + 1, len(said)) if _TRACK.match(said[number])), None)
    return said[start:end]


def _seconds(duration: re.Match[str] | None, demuxer: str) -> float:
    """How long a clip is, 0 where it does not say: a Matroska file that does not begin at 0 tells its end."""
    if duration is None:
        return 0.0
    seconds = int(duration[1]) * 3600 + int(duration[2]) * 60 + float(duration[3])
    return max(0.0, seconds - float(duration[4] or 0)) if demuxer == "matroska" else seconds


def _matrix(tag: str, coded: tuple[int, int], *, wide: bool) -> str:
    """The matrix of luma and colour differences; what is not tagged is taken as players take it, by its size as it is
    coded, whichever way it lies: that of television up to 576 lines, beyond that of HD.
    """
    told = next((name for name, known in _TAG_OF.items() if known == tag), "")
    is_high = max(coded) >= _HD_WIDTH or min(coded) > _TV_LINES
    return told or ("bt2020" if wide else "bt709" if is_high else "smpte170m")


def _megapixels() -> str:
    return f"{ffmpeg.MOST_PIXELS / 1e6:g}"

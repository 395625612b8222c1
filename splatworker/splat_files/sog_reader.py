"""Reader of SOG, version 2: a bundle (a zip), or the folder of its files, known by its meta.json. See `sog.py`.

Nothing is read or unpacked before it is known how large it will be: a member by what the zip says and never more, a
picture by its own header, which has to fit the count of Gaussians; and the count has to fit the file
(`decoded.check_count`).
Pictures are WebP, whatever else Pillow could decode.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from splatworker.errors import InvalidScene, from_os_error
from splatworker.formats.atomic import LONGEST_NAME
from splatworker.formats.decoded import check_count, decoded
from splatworker.formats.gaussians import Gaussians
from splatworker.formats.presence import is_file
from splatworker.splat_files import smallest_three

FloatArray = npt.NDArray[np.float32]

VERSION = 2
QUATERNION_TAG = 252
META = "meta.json"

ANTIALIASED = "antialiased"
"""The `model` of a splat that is to be drawn with antialiasing."""

MOST_META = 8 * 2**20
"""Bytes of meta.json: it holds three codebooks of 256 numbers, and little else."""

MOST_PALETTE = 65_536
_WEBP_LIMIT = 16_383
"""Pixels a side that the format can say."""

Fetch = Callable[[str, int], bytes]
"""Gives a file of the splat by its name; of no more than so many bytes."""


def read_sog(path: Path) -> Gaussians:
    """Read a splat of version 2: a bundle, or the meta.json beside its pictures.

    Raises:
        InvalidScene: the file is not a SOG file of version 2, or is corrupt.
        SplatError: the file cannot be opened.
    """
    try:
        if path.name == META:
            size = sum(part.stat().st_size for part in path.parent.glob("*.webp") if is_file(part))
            return _decode(path, size, _files_of(path))
        data = path.read_bytes()
        with _opened(data) as bundle:
            return _decode(path, len(data), _members_of(bundle))
    except OSError as error:
        raise from_os_error(error, "export") from error
    except _Garbled as error:
        raise InvalidScene(f"{path.name} is not a SOG file of version 2, or is corrupt ({error}).") from error


def _opened(data: bytes) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(io.BytesIO(data))  # in memory, where no offset of its directory is an error of the disk
    except _OF_ZIPFILE as error:
        raise _Garbled("it is no zip") from error


_OF_ZIPFILE = (
    *(zipfile.BadZipFile, zlib.error, struct.error),
    *(RuntimeError, NotImplementedError, EOFError, ValueError, ArithmeticError),
)
"""What zipfile raises of a member that is broken, encrypted, or packed in a way that it does not know."""


class _Garbled(Exception):
    """The file does not say what the format wants."""


def _files_of(meta: Path) -> Fetch:
    def fetch(name: str, most: int) -> bytes:
        if Path(name).name != name:
            raise _Garbled("it names a file outside of its folder")
        if len(name.encode(errors="surrogatepass")) > LONGEST_NAME:
            raise _Garbled("it names a file that cannot be")
        if "\0" in name:
            raise _Garbled("it names a file that cannot be")
        if not is_file(meta.parent / name):  # what is opened may be a pipe, which never ends
            raise _Garbled(f"{name} is missing")
        with (meta.parent / name).open("rb") as file:
            data = file.read(most + 1)
        if len(data) > most:
            raise _Garbled(f"{name} is too large")
        return data

    return fetch


def _members_of(bundle: zipfile.ZipFile) -> Fetch:
    def fetch(name: str, most: int) -> bytes:
        try:
            if bundle.getinfo(name).file_size > most:
                raise _Garbled(f"{name} is too large")
            with bundle.open(name) as member:
                data = member.read(most + 1)
        except KeyError as error:
            raise _Garbled(f"{name} is missing") from error
        except _OF_ZIPFILE as error:
            raise _Garbled(f"{name} cannot be unpacked") from error
        if len(data) > most:
            raise _Garbled(f"{name} is too large")
        return data

    return fetch


def _decode(path: Path, file_bytes: int, fetch: Fetch) -> Gaussians:
    meta = _meta(fetch)
    if meta.get("version") != VERSION:
        version = meta.get("version", 1)  # the first said nothing
        shown = version if isinstance(version, int) and abs(version) < 1000 else "another"
        raise InvalidScene(f"{path.name} is a SOG of version {shown}, not 2.")
    count = _whole(meta, "count", 2**32)
    harmonics = meta.get("shN")
    degree = _whole(harmonics, "bands", 3) if harmonics is not None else 0
    check_count(path, count, degree, file_bytes)

    def pixels(part: str, index: int, channels: str) -> npt.NDArray[np.int64]:
        return _pixels(fetch, _part(meta, part), index, channels, count, 2 * count + 2**16)[:count].astype(np.int64)

    shares = (pixels("means", 0, "RGB") | pixels("means", 1, "RGB") << 8) / 65_535
    low, high = (_numbers(_part(meta, "means"), end, 3, 3) for end in ("mins", "maxs"))
    rotations, sh0 = pixels("quats", 0, "RGBA"), pixels("sh0", 0, "RGBA")
    small = (rotations[:, :3].T / np.float32(255) - np.float32(0.5)) / smallest_three.LARGEST_SMALL
    index = (rotations[:, 3] - QUATERNION_TAG).clip(0, 3).astype(np.uint8)
    sh_rest = np.zeros((count, 0, 3), np.float32)
    if degree:
        labels = pixels("shN", 1, "RGB")
        palette = _palette(_part(meta, "shN"), degree, fetch)
        numbers = labels[:, 0] | labels[:, 1] << 8
        if len(numbers) and numbers.max() >= len(palette):
            raise _Garbled("a label is beyond the palette")
        sh_rest = palette[numbers]
    with np.errstate(over="ignore", invalid="ignore"):  # a range that no scene has: infinite, and left out by who draws
        logs = low + (high - low) * shares
        means = np.copysign(np.expm1(np.abs(logs)), logs)
    return decoded(
        means=means,
        quaternions=np.stack(smallest_three.unpack(index, small.astype(np.float32)), axis=1),
        log_scales=_looked_up(_part(meta, "scales"), pixels("scales", 0, "RGB")),
        opacities=sh0[:, 3] / 255,
        sh_dc=_looked_up(_part(meta, "sh0"), sh0[:, :3]),
        sh_rest=sh_rest,
        antialiased=meta.get("model") == ANTIALIASED,
    )


def _palette(description: dict[str, Any], degree: int, fetch: Fetch) -> FloatArray:
    """(entries, K - 1, 3) the palette of harmonics."""
    coefficients = (degree + 1) ** 2 - 1
    flat = _pixels(fetch, description, 0, "RGB", coefficients, 2 * MOST_PALETTE * coefficients)
    if len(flat) % coefficients:
        raise _Garbled("the palette is not made of whole entries")
    return _looked_up(description, flat.reshape(-1, coefficients, 3)).astype(np.float32)


def _meta(fetch: Fetch) -> dict[str, Any]:
    try:
        meta = json.loads(fetch(META, MOST_META))
    except (ValueError, RecursionError) as error:
        raise _Garbled(f"{META} is not JSON") from error
    if not isinstance(meta, dict):
        raise _Garbled(f"{META} describes nothing")
    return meta


def _part(meta: dict[str, Any], name: str) -> dict[str, Any]:
    part = meta.get(name)
    if not isinstance(part, dict):
        raise _Garbled(f"{META} says nothing of {name}")
    return part


def _whole(values: object, name: str, most: int) -> int:
    value = values.get(name) if isinstance(values, dict) else None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise _Garbled(f"{name} is not a number that fits")
    return value


def _numbers(part: dict[str, Any], name: str, least: int, most: int) -> npt.NDArray[np.float64]:
    values = part.get(name)
    if not isinstance(values, list) or not least <= len(values) <= most:
        raise _Garbled(f"{name} is no list of {least} to {most} numbers")
    if not all(isinstance(value, int | float) and abs(value) < 1e300 for value in values):
        raise _Garbled(f"{name} holds what is not a number")
    return np.array(values, np.float64)


def _looked_up(part: dict[str, Any], indices: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    book = _numbers(part, "codebook", 1, 256)
    if indices.size and indices.max() >= len(book):
        raise _Garbled("an index is beyond its codebook")
    looked_up: npt.NDArray[np.float64] = book[indices]
    return looked_up


def _pixels(
    fetch: Fetch, part: dict[str, Any], index: int, channels: str, least: int, most: int
) -> npt.NDArray[np.uint8]:
    """The pixels of a part's picture, (N, channels), row by row; at least and at most so many."""
    names = part.get("files")
    if not isinstance(names, list) or len(names) <= index or not isinstance(names[index], str):
        raise _Garbled("a file is not named")
    name = names[index]
    data = fetch(name, 4 * most + 2**16)  # what is not compressed at all takes no more
    shown = name if name.isprintable() and len(name) < 100 else "a picture"
    size = _webp_size(data)
    if size is None:
        raise _Garbled(f"{shown} is no WebP")
    if not least <= size[0] * size[1] <= most:
        raise _Garbled(f"{shown} has {size[0]}x{size[1]} pixels for {least}")
    try:
        with Image.open(io.BytesIO(data), formats=("WEBP",)) as image:
            if image.size != size:
                raise _Garbled(f"{shown} is of two sizes")
            return np.asarray(image.convert(channels)).reshape(-1, len(channels))
    except (OSError, ValueError, SyntaxError) as error:
        raise _Garbled(f"{shown} is damaged") from error


def _webp_size(data: bytes) -> tuple[int, int] | None:
    """Width and height in a WebP's header (RFC 9649), before a decoder asks for memory; None: it is no WebP."""
    if len(data) < 30 or data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        return None
    kind = data[12:16]
    if kind == b"VP8X":  # the size of the canvas, less 1, 24 bits each
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if kind == b"VP8L":  # likewise, 14 bits each, behind a byte of signature
        bits = int.from_bytes(data[21:25], "little")
        return (bits & _WEBP_LIMIT) + 1, (bits >> 14 & _WEBP_LIMIT) + 1
    if kind == b"VP8 ":  # 14 bits each, behind the frame's tag and start code
        width, height = (int.from_bytes(data[start : start + 2], "little") & _WEBP_LIMIT for start in (26, 28))
        return width, height
    return None

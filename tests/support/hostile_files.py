"""Files that are nearly right, for every reader of what comes from outside: hypothesis's strategies that know formats.

A valid file is taken apart into what it is made of (fields, numbers of text, values of JSON, planes behind a
compression), a few parts are made hostile, and it is put together again: so that it gets past what would stop random
bytes at the door.
`READERS` says of each reader what it is fed and how it is called; it may answer, or raise a `SplatError`.
"""

from __future__ import annotations

import contextlib
import copy
import gzip
import io
import json
import struct
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from backports import zstd
from hypothesis import strategies as st
from PIL import ExifTags, Image
from support.colmap_files import ring_cameras, write_colmap
from support.sog_files import picture, sog_members, sog_meta, zip_of

from splatworker.contract.job import parse, read_input
from splatworker.errors import SplatError
from splatworker.formats.colmap import read_cameras, read_images, read_points
from splatworker.formats.gaussians import Gaussians
from splatworker.formats.ply import write_ply
from splatworker.formats.scene import read_scene
from splatworker.photos.exif import kept_exif
from splatworker.splat_files.compressed_ply import write_compressed_ply
from splatworker.splat_files.registry import read_any
from splatworker.splat_files.spz_reader import MAGIC, SH_SIZE

WHOLE = [0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 127, 255, 256, 65_535, 65_536, 2**31 - 1, 2**31, 2**32 - 1, 2**53, 2**62,
         2**63 - 1, 2**64 - 1]  # fmt: skip
NUMBERS = [0.0, -1.0, 1e-300, 1e300, -1e38, 3.4e38, float("inf"), float("-inf"), float("nan")]
WORDS = ["", "0", "-1", "1e999", "nan", "-inf", "x", "\u00e9", "\0", "1_0", "../../x", "9" * 400, "1" + "0" * 20]
VALUES: list[object] = [None, True, False, -1, 0, 2, 3, 10**400, 2**63, 1e300, float("nan"), float("inf"), "", "x"]
VALUES += ["../x", "a\0b", "\ud800", "1" * 5000, [], {}, [[]], [None] * 3, [1, 2], {"files": []}]


class Reader(NamedTuple):
    """A reader: files for it, by name in a folder, and how it is called with that folder."""

    files: st.SearchStrategy[dict[str, bytes]]
    read: Callable[[Path], object]


def feed(reader: Reader, files: dict[str, bytes]) -> str:
    """Give the files to the reader; what it said, or "" for an answer. Whatever else it raises is a fault."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, data in files.items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(data)
        try:
            reader.read(folder)
        except SplatError as error:
            assert error.message
            assert error.code != "internal_error", error.message
            return error.message
    return ""


@st.composite
def edited(draw: st.DrawFn, data: bytes, fields: tuple[int, ...] = ()) -> bytes:
    """Bytes with one to four changes; `fields` are where numbers stand that others depend on."""
    out = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        at_a_field = bool(fields) and draw(st.booleans())
        at = draw(st.sampled_from(fields)) if at_a_field else draw(st.integers(0, max(0, len(out))))
        match draw(st.sampled_from(["whole", "number", "bytes", "cut", "drop", "again"])):
            case "whole":
                new = draw(st.sampled_from(WHOLE)).to_bytes(8, "little")[: draw(st.sampled_from([1, 4, 8]))]
                out[at : at + len(new)] = new
            case "number":
                form = draw(st.sampled_from(["<f", "<d"]))
                value = draw(st.sampled_from(NUMBERS))
                new = struct.pack(form, value if form == "<d" or not 3.4e38 < abs(value) < 1e301 else 0.0)
                out[at : at + len(new)] = new
            case "bytes":
                new = draw(st.binary(min_size=1, max_size=9))
                out[at : at + len(new)] = new
            case "cut":
                del out[at:]
            case "drop":
                del out[at : at + draw(st.integers(1, 64))]
            case "again":
                out[at:at] = out[at : at + draw(st.integers(1, 64))]
    return bytes(out)


@st.composite
def retold(draw: st.DrawFn, text: bytes) -> bytes:
    """Text with one to four words, lines or bytes changed."""
    lines = text.split(b"\n")
    for _ in range(draw(st.integers(1, 4))):
        row = draw(st.integers(0, len(lines) - 1))
        words = lines[row].split(b" ")
        match draw(st.sampled_from(["word", "word", "drop", "again", "gone", "twice", "bytes"])):
            case "word":
                words[draw(st.integers(0, len(words) - 1))] = draw(st.sampled_from(WORDS)).encode()
            case "drop":
                del words[draw(st.integers(0, len(words) - 1))]
            case "again":
                words += words[:3]
            case "gone":
                words = []
            case "twice":
                lines.insert(row, lines[row])
            case "bytes":
                words[-1:] = [draw(st.binary(max_size=9))]
        lines[row] = b" ".join(words)
    return b"\n".join(lines)


@st.composite
def altered(draw: st.DrawFn, value: Any) -> Any:
    """JSON with one to three of its values or names changed."""
    value = copy.deepcopy(value)
    for _ in range(draw(st.integers(1, 3))):
        at = value
        while True:
            keys = list(at) if isinstance(at, dict) else list(range(len(at)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(at[key], dict | list) and at[key] and draw(st.integers(0, 3)):
                at = at[key]
                continue
            match draw(st.integers(0, 5)):
                case 0:
                    del at[key]
                case 1 if isinstance(at, dict):
                    at[draw(st.sampled_from(["", "x", "camera_model", "is_fisheye", "shN"]))] = at.pop(key)
                case _:
                    at[key] = copy.deepcopy(draw(st.sampled_from(VALUES)))
            break
    return value


def as_json(value: Any) -> bytes:
    """JSON as strangers may write it: NaN, numbers without end, halves of letters."""
    return json.dumps(value).encode()


def splat(count: int = 9, degree: int = 1) -> Gaussians:
    random = np.random.default_rng(0)
    shapes = [(count, 3), (count, 4), (count, 3), (count,), (count, 3), (count, (degree + 1) ** 2 - 1, 3)]
    return Gaussians(*(random.normal(size=shape).astype(np.float32) for shape in shapes))


def written(write: Callable[[Path], object], name: str = "a.ply") -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / name)
        return (Path(folder) / name).read_bytes()


@st.composite
def ply_files(draw: st.DrawFn, data: bytes) -> bytes:
    """A PLY with its header retold or its body edited, or both."""
    head, end, body = data.partition(b"end_header\n")
    if draw(st.booleans()):
        head = draw(retold(head))
    if draw(st.booleans()):
        body = draw(edited(body))
    return head + end + body


def text_ply() -> bytes:
    names = ["x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", "opacity"]
    names += [f"scale_{i}" for i in range(3)] + [f"rot_{i}" for i in range(4)]
    lines = ["ply", "format ascii 1.0", "element vertex 3", *(f"property float {name}" for name in names), "end_header"]
    return "\n".join([*lines, *[" ".join(["0.5"] * len(names))] * 3, ""]).encode()


def spz_planes(version: int, count: int = 9, degree: int = 1) -> list[bytes]:
    random = np.random.default_rng(0)
    widths = [9, 1, 3, 3, 3 if version == 2 else 4, SH_SIZE[degree]]
    return [random.integers(0, 256, count * width, dtype=np.uint8).tobytes() for width in widths]


@st.composite
def spz_in_gzip(draw: st.DrawFn, version: int) -> bytes:
    data = struct.pack("<3I4B", MAGIC, version, 9, 1, 12, 0, 0) + b"".join(spz_planes(version))
    packed = gzip.compress(draw(edited(data, (4, 8, 12, 13))), 1)
    return draw(edited(packed)) if draw(st.integers(0, 3)) == 0 else packed


@st.composite
def spz_in_frames(draw: st.DrawFn) -> bytes:
    planes = spz_planes(4)
    frames = [zstd.compress(plane, 1) for plane in planes]
    if draw(st.booleans()):
        chosen = draw(st.integers(0, 5))
        frames[chosen] = draw(
            st.one_of(edited(frames[chosen]), edited(planes[chosen]).map(lambda p: zstd.compress(p, 1)))
        )
    table = b"".join(struct.pack("<QQ", len(f), len(p)) for f, p in zip(frames, planes, strict=True))
    head = struct.pack("<3I4BI12x", MAGIC, 4, 9, 1, 12, 0, 6, 32) + table
    if draw(st.booleans()):
        head = draw(edited(head, (4, 8, 12, 13, 14, 15, 16, *range(32, 128, 8))))
    return head + b"".join(frames)


@cache
def sog_of_harmonics() -> tuple[dict[str, Any], dict[str, bytes]]:
    book = [float(number) for number in range(4)]
    meta = sog_meta() | {"shN": {"count": 64, "bands": 1, "codebook": book, "files": ["c.webp", "means_l.webp"]}}
    return meta, sog_members() | {"c.webp": picture(size=(192, 1))}


@st.composite
def sog_files(draw: st.DrawFn) -> dict[str, bytes]:
    meta, members = sog_of_harmonics()
    members = dict(members)
    if draw(st.integers(0, 3)):
        meta = draw(altered(meta))
    members["meta.json"] = as_json(meta)
    if draw(st.integers(0, 3)) == 0:
        name = draw(st.sampled_from(sorted(members)))
        members[name] = draw(edited(members[name], tuple(range(4, 30))))
    return members


@st.composite
def sog_bundles(draw: st.DrawFn) -> bytes:
    data = zip_of(draw(sog_files()))
    return draw(edited(data, (4, 6, 8, 18, 22, 26))) if draw(st.integers(0, 2)) == 0 else data


@cache
def colmap_binary() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        names = [f"{index}.jpg" for index in range(3)]
        write_colmap(Path(folder) / "0", ring_cameras(3), names, np.eye(3), np.full((3, 3), 9))
        return {path.name: path.read_bytes() for path in (Path(folder) / "0").iterdir()}


COLMAP_FIELDS = {
    "cameras.bin": (0, 8, 12, 16, 24, 32),
    "images.bin": (0, 68, 72, 78, 86),
    "points3D.bin": (0, 8, 16, 51, 59),
}
COLMAP_TEXT = {
    "cameras.txt": b"# cameras\n1 PINHOLE 48 36 50 50 24 18\n2 OPENCV 48 36 50 50 24 18 0 0 0 0\n",
    "images.txt": b"# images\n1 1 0 0 0 0 0 3 1 0.jpg\n1.5 2.5 -1 3 4 2\n2 1 0 0 0 0 0 3 2 a b.jpg\n\n",
    "points3D.txt": b"# points\n1 0.5 0.5 0.5 1 2 3 0.1 1 0 2 0\n2 1 1 1 255 0 0 0.1\n",
}


def read_model(folder: Path) -> None:
    """All parts of COLMAP's model, each by itself: one that is broken hides no other."""
    errors = []
    for path in sorted(folder.iterdir()):
        read = {"cameras": read_cameras, "images": read_images, "points3D": read_points}[path.stem]
        try:
            read(path)
        except SplatError as error:
            errors.append(error)
    if errors:
        raise errors[0]


@st.composite
def models(draw: st.DrawFn, files: dict[str, bytes], edit: Callable[..., st.SearchStrategy[bytes]]) -> dict[str, bytes]:
    name = draw(st.sampled_from(sorted(files)))
    fields = (COLMAP_FIELDS[name],) if name in COLMAP_FIELDS else ()
    return files | {name: draw(edit(files[name], *fields))}


MATRIX = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 4.0], [0.0, 0.0, 0.0, 1.0]]
TRANSFORMS = {
    "camera_model": "OPENCV", "w": 48, "h": 36, "fl_x": 50.0, "fl_y": 50.0, "cx": 24.0, "cy": 18.0, "k1": 0.0,
    "camera_angle_x": 0.9, "ply_file_path": "sparse_pc.ply",
    "frames": [{"file_path": f"images/{index}.png", "transform_matrix": MATRIX} for index in range(2)],
}  # fmt: skip


@cache
def photo(kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (48, 36)).save(buffer, kind)
    return buffer.getvalue()


@st.composite
def transforms(draw: st.DrawFn) -> dict[str, bytes]:
    data = as_json(draw(altered(TRANSFORMS)))
    data = draw(edited(data)) if draw(st.integers(0, 3)) == 0 else data
    photos = {f"images/{index}.png": photo() for index in range(2)}
    points = draw(ply_files(text_ply())) if draw(st.integers(0, 3)) == 0 else text_ply()
    return {"transforms.json": data, "sparse_pc.ply": points, **photos}


JOB = {
    "input": {
        "project_id": "p", "image_urls": [f"https://photos.example/{index}.jpg" for index in range(5)],
        "upload_url": "https://store.example/a.ply", "webhook_url": "https://api.example/hook", "deadline_s": 100,
        "outputs": {"spz": "https://store.example/a.spz"}, "sfm": {"matcher": "auto", "min_share": 0.5},
        "params": {"iterations": 7000, "sh_degree": 3, "lambda_dssim": 0.2, "save_iterations": [7000], "eval": True},
    }
}  # fmt: skip


def read_job(folder: Path) -> None:
    """A job file as the worker reads it; what is not JSON at all never gets there."""
    with contextlib.suppress(ValueError, RecursionError):
        document = json.loads((folder / "job.json").read_bytes())
        parse(read_input(document))


@cache
def exif() -> bytes:
    tags = Image.Exif()
    tags[ExifTags.Base.Make], tags[ExifTags.Base.Model], tags[ExifTags.Base.Orientation] = "Maker", "Model", 6
    camera = tags.get_ifd(ExifTags.IFD.Exif)
    camera[ExifTags.Base.FocalLength], camera[ExifTags.Base.FocalLengthIn35mmFilm] = 4.5, 28
    camera[ExifTags.Base.LensModel], camera[ExifTags.Base.FocalPlaneXResolution] = "Lens", 100.0
    place = tags.get_ifd(ExifTags.IFD.GPSInfo)
    place[1], place[2], place[3], place[4] = "N", (55.0, 42.0, 1.5), "E", (13.0, 11.0, 2.5)
    return tags.tobytes()


def read_exif(folder: Path) -> None:
    """What is kept of a photo's EXIF data: always some bytes, whatever the data are."""
    tags = Image.Exif()
    try:
        tags.load((folder / "exif").read_bytes())
        dict(tags)
    except Exception:
        return
    assert isinstance(kept_exif(tags, shrunk=0.5), bytes)


def one(name: str, data: st.SearchStrategy[bytes]) -> st.SearchStrategy[dict[str, bytes]]:
    return data.map(lambda content: {name: content})


def reading(name: str) -> Callable[[Path], object]:
    return lambda folder: read_any(folder / name)


READERS = {
    "PLY": Reader(one("a.ply", ply_files(written(lambda path: write_ply(path, splat())))), reading("a.ply")),
    "text PLY": Reader(one("a.ply", retold(text_ply())), reading("a.ply")),
    "compressed PLY": Reader(
        one("a.compressed.ply", ply_files(written(lambda path: write_compressed_ply(path, splat())))),
        reading("a.compressed.ply"),
    ),
    "SPZ 2": Reader(one("a.spz", spz_in_gzip(2)), reading("a.spz")),
    "SPZ 3": Reader(one("a.spz", spz_in_gzip(3)), reading("a.spz")),
    "SPZ 4": Reader(one("a.spz", spz_in_frames()), reading("a.spz")),
    "SOG": Reader(one("a.sog", sog_bundles()), reading("a.sog")),
    "SOG folder": Reader(sog_files(), reading("meta.json")),
    ".splat": Reader(one("a.splat", edited(bytes(range(32)) * 3)), reading("a.splat")),
    "COLMAP binary": Reader(st.deferred(lambda: models(colmap_binary(), edited)), read_model),
    "COLMAP text": Reader(models(COLMAP_TEXT, retold), read_model),
    "transforms.json": Reader(transforms(), read_scene),
    "job": Reader(one("job.json", st.one_of(altered(JOB).map(as_json), edited(as_json(JOB)))), read_job),
    "EXIF": Reader(one("exif", edited(exif(), tuple(range(6, 60, 2)))), read_exif),
}
"""By the name that a report calls them."""

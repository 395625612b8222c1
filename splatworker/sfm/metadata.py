"""Take EXIF out of a written photo without touching its pixels.

COLMAP copies the header of the photo it undistorts, orientation tag and all. Its cameras are those of the pixels as
they lie, so a reader that turns the photo by the tag would see another photo than the camera does; nor has a scene
any use for the place where the photographer lives.
"""

from __future__ import annotations

from pathlib import Path

_JPEG, _PNG = b"\xff\xd8", b"\x89PNG\r\n\x1a\n"
_APP1, _START_OF_SCAN = 0xE1, 0xDA


def drop_metadata(path: Path) -> None:
    """Rewrite a JPEG without its APP1 segments (EXIF, XMP), a PNG without its eXIf chunk; leave other files."""
    data = path.read_bytes()
    if data.startswith(_JPEG):
        clean = _jpeg_without_app1(data)
    elif data.startswith(_PNG):
        clean = _png_without_exif(data)
    else:
        return
    if len(clean) != len(data):
        path.write_bytes(clean)


def _jpeg_without_app1(data: bytes) -> bytes:
    """Segments up to the scan: FF, marker, big-endian length that counts itself (ITU T.81, B.1.1.4)."""
    kept, at = [_JPEG], len(_JPEG)
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != _START_OF_SCAN:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at + 1] != _APP1:
            kept.append(data[at:end])
        at = end
    return b"".join([*kept, data[at:]])


def _png_without_exif(data: bytes) -> bytes:
    """Chunks: big-endian length of the data, type, data, check sum (PNG specification, 5.3)."""
    kept, at = [_PNG], len(_PNG)
    while at + 8 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] != b"eXIf":
            kept.append(data[at:end])
        at = end
    return b"".join(kept)

"""What a file is that is not a photo: said by what it is, so that whoever sent it knows what to do."""

from __future__ import annotations

from pathlib import Path

from splatworker.photos import tiff

KINDS = "JPEG, PNG, WebP, HEIC, AVIF or TIFF"
"""What is read, beside raw files."""

UNKNOWN = f"it is not a {KINDS} photo"
"""Said of a file that nothing is known of."""

_HEADS = (
    (b"GIF8", "a GIF"),
    (b"BM", "a BMP"),
    (b"\xff\x0a", "a JPEG XL"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000"),
    (b"8BPS", "a Photoshop file"),
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"v/1\x01", "an OpenEXR file"),
    (b"\0\x05\x16\x07", "a file of macOS beside another"),
    (b"\x1aE\xdf\xa3", "a video"),
    (b"\x1f\x8b", "an archive"),
    (b"7z\xbc\xaf", "an archive"),
    (b"Rar!", "an archive"),
    (b"version https://git-lfs", "the pointer to a file that Git LFS has not brought"),
    (b"{", "text (JSON)"),
    (b"[", "text (JSON)"),
    (b"\x93NUMPY", "a file of NumPy"),
)
"""First bytes of a file, and what it is."""
_PICTURES = (b"heic", b"heix", b"hevc", b"hevx", b"mif1", b"msf1", b"avif", b"avis")
"""Brands of ISO files (ISO 14496-12) that hold pictures; all others hold videos."""


def why_no_photo(path: Path) -> str:
    """Why a file that no decoder knows is not a photo, a clause."""
    with path.open("rb") as file:
        head = file.read(512)
    if not head:
        return "the file is empty"
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<":
        return f"it is a web page or drawing, not a {KINDS} photo"
    if tiff.is_tiff(head):
        return tiff.why_unidentified(path)
    if head[4:8] == b"ftyp" and head[8:12] not in _PICTURES:
        return f"it is a video, not a {KINDS} photo"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "it is a video of a kind that is not read (AVI): give it as MP4, MOV, WebM or MKV"
    if head[4:8] == b"ftyp" or head[:2] == b"\xff\xd8" or head[:4] in (b"\x89PNG", b"RIFF"):
        return "it is damaged, or of a kind that is not read"
    for begin, kind in _HEADS:
        if head.startswith(begin):
            return f"it is {kind}, not a {KINDS} photo"
    return UNKNOWN

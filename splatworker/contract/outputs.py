"""What can be made of a splat besides the PLY: each output's name in a job, its file, and what a web server calls it.

The worker reads this too, so nothing that takes time to load is imported here.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import NamedTuple

from splatworker.splat_files.records import FORMATS


class Output(NamedTuple):
    """A file that can be delivered: its name in artifacts/, its Content-Type, and what people call it."""

    file: str
    content_type: str
    words: str


OUTPUTS = {
    **{
        known.name: Output(f"splat{known.suffix}", known.content_type, known.words)
        for known in FORMATS.values()
        if known.name != "ply"
    },
    "cleaned_ply": Output("splat.cleaned.ply", "application/octet-stream", "cleaned PLY"),
    "viewer": Output("viewer.html", "text/html", "viewer page"),
    "poster": Output("poster.webp", "image/webp", "poster"),
    "poster_square": Output("poster_square.webp", "image/webp", "square poster"),
    "turntable": Output("turntable.mp4", "video/mp4", "film"),
    "report": Output("report.html", "text/html", "report"),
    "quality": Output("quality.json", "application/json", "quality figures"),
}

BY_DEFAULT = tuple(name for name in OUTPUTS if name != "cleaned_ply")
"""What is made unless told otherwise: all but a second PLY as large as the first."""


def files_of(wanted: Iterable[str]) -> list[str]:
    """The files that making these outputs may write: a page has a SOG beside it, at times."""
    wanted = list(wanted)
    return [OUTPUTS[name].file for name in dict.fromkeys([*wanted, *(["sog"] if "viewer" in wanted else [])])]


def names(text: str) -> list[str]:
    """The outputs of a list with commas, each once; a type of argparse.

    Raises:
        argparse.ArgumentTypeError: one of them is not known, or there is none.
    """
    found = [name.strip() for name in text.split(",") if name.strip()]
    for name in found:
        if name not in OUTPUTS:
            raise argparse.ArgumentTypeError(f"'{name}' is none of {', '.join(OUTPUTS)}")
    if not found:
        raise argparse.ArgumentTypeError("nothing is named")
    return list(dict.fromkeys(found))

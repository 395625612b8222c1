"""What the report says of videos: what each is, which of its frames became photos, and why."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

from splatworker.export.charts import line_chart

_NAMES = {"h264": "H.264", "hevc": "HEVC", "vp9": "VP9", "av1": "AV1", "libdav1d": "AV1", "prores": "ProRes"}

_HDR = {"hlg": "HDR (HLG), shown in sRGB by one curve", "pq": "HDR (PQ), shown in sRGB by one curve"}


def of_videos(videos: Sequence[Mapping[str, Any]]) -> str:
    """The section's contents; nothing where there are no videos."""
    return "".join(_of_one(video) for video in videos)


def _of_one(video: Mapping[str, Any]) -> str:
    name = f"<b>{html.escape(str(video['name']))}</b>"
    if "reason" in video:
        return f"<p>{name}: left out. {html.escape(str(video['reason']))}</p>"
    chosen = video["chosen"]
    charts = [
        ("How far the picture had moved at each photo, in widths of it", "moved", "Way of the picture"),
        ("How sharp each photo is, 1 as usual around it", "sharpness", "Sharpness"),
    ]
    cells = "".join(
        f'<div><p class="soft">{title}</p>{chart}</div>'
        for title, key, label in charts
        if (chart := line_chart({"photos": [(photo["seconds"], photo[key]) for photo in chosen]}, "seconds", label))
    )
    said = f"<p>{name}: {html.escape(_kind(video))}.</p><p>{html.escape(str(video['why']))}</p>"
    return f'{said}<div class="pair">{cells}</div>'


def _kind(video: Mapping[str, Any]) -> str:
    """As in "1920x1080, HEVC, 59.9 frames per second, 34.2 s"."""
    words = [f"{video['width']}x{video['height']}", _NAMES.get(video["codec"], str(video["codec"]))]
    if video["rate"]:
        words.append(f"{video['rate']:.4g} frames per second")
    words.append(f"{video['seconds']:.1f} s")
    if video["hdr"] in _HDR:
        words.append(_HDR[video["hdr"]])
    return ", ".join(words)

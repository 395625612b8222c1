"""How a photo says that it is a frame of a video."""

from __future__ import annotations

from splatworker.formats.video_frame import VideoFrame, describe, described


def test_a_description_says_it_and_no_other_text_does() -> None:
    frame = VideoFrame("0123abcd", 12.345)
    assert described(describe(frame)) == frame
    for other in (
        "a frame of video",
        "frame of video 0123abcd at nan s",
        "frame of video 0123abcd at 1.000 s!",
        None,
        7,
    ):
        assert described(other) is None

"""What the report says of videos."""

from splatworker.export.report_videos import of_videos

VIDEO = {
    "name": "<b>clip.mov", "frames": 3, "codec": "hevc", "width": 1920, "height": 1080, "seconds": 12.5, "rate": 59.94,
    "hdr": "hlg", "why": "3 of 700 frames: the sharpest each time.",
    "chosen": [{"file": f"{n}.jpg", "seconds": float(n), "sharpness": 1.0 + n / 10, "moved": n / 9} for n in range(3)],
}  # fmt: skip


def test_each_video_says_what_it_is_and_why_its_frames() -> None:
    page = of_videos([VIDEO])
    assert "&lt;b&gt;clip.mov" in page
    assert "1920x1080, HEVC, 59.94 frames per second, 12.5 s, HDR (HLG)" in page
    assert "3 of 700 frames" in page
    assert page.count("<svg") == 2


def test_one_that_was_left_out_says_why() -> None:
    page = of_videos([{"name": "a.mp4", "frames": 0, "code": "no_video", "reason": "'a.mp4' is <nothing>."}])
    assert "left out" in page
    assert "&lt;nothing&gt;" in page


def test_without_videos_nothing_is_said() -> None:
    assert of_videos([]) == ""

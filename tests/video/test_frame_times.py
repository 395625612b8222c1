"""When frames are shown, by what the decoder says of them."""

from __future__ import annotations

from splatworker.video.frame_times import heard_times


def test_times_are_whole_ticks_of_the_clips_clock() -> None:
    told = []
    hear = heard_times(lambda seconds, is_key, shape: told.append((seconds, is_key, shape)))
    for line in (
        "[Parsed_showinfo_1 @ 0x7f] config in time_base: 1/90000, frame_rate: 30/1",
        "[Parsed_showinfo_1 @ 0x7f] config out time_base: 0/0, frame_rate: 0/0",
        "[Parsed_showinfo_1 @ 0x7f] n:   0 pts: 111111111 pts_time:1234.57 fmt:gray s:320x180 i:P iskey:1 type:I ",
        "[Parsed_showinfo_1 @ 0x7f]   side data - n: 3 pts: 9",
        "[vost#0:0 @ 0x7f] n: 7 pts: 1 iskey:1",
        "[Parsed_showinfo_1 @ 0x7f] n:   1 pts: NOPTS pts_time:NOPTS fmt:gray s:320x180 i:P iskey:0 type:B ",
        "[Parsed_showinfo_1 @ 0x7f] n:   2 pts:-3000 pts_time:-0.03 fmt:gray sar:1/1 s:160x90 i:P iskey:0 type:B ",
    ):
        hear(line)
    assert told == [(111111111 / 90000, True, (320, 180)), (None, False, (320, 180)), (-3000 / 90000, False, (160, 90))]

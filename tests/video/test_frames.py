"""Clips in, photos out: the right frames, in the right colours, the right way up, at the right time."""

from __future__ import annotations

import json
import subprocess

import numpy as np
import pytest
from PIL import Image
from support import clips

from splatworker import cli
from splatworker.errors import from_event
from splatworker.formats.video_frame import described
from splatworker.stages.progress import Silent
from splatworker.video import ffmpeg, tone
from splatworker.video.extract import together
from splatworker.video.frames import take_frames
from splatworker.video.measure import measure
from splatworker.video.options import VideoOptions
from splatworker.video.probe import probe

EVERY = VideoOptions(fps=30)


def frames_of(clip, folder, options=EVERY, **how):
    """The photos of a clip, by their times in ms, and what is told of it."""
    made = take_frames([clip], folder, options, Silent(), **how)
    assert not made.errors, made.errors
    photos = {}
    for path in sorted(folder.glob("*.jpg")):
        with Image.open(path) as image:
            photos[int(path.stem.rpartition("-")[2])] = np.asarray(image.convert("RGB")).astype(float)
    return photos, made.videos[0]


def difference(a, b):
    return float(np.abs(a - b.astype(float)).mean())


CODECS = {
    "h264.mp4": (),
    "hevc.mov": ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none", "-tag:v", "hvc1"),
    "vp9.webm": ("-c:v", "libvpx-vp9", "-cpu-used", "8", "-deadline", "realtime"),
    "av1.mkv": ("-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime"),
    "prores.mov": ("-c:v", "prores_ks", "-pix_fmt", "yuv422p10le"),
}


@pytest.mark.parametrize("name", CODECS)
def test_every_codec_gives_the_frames_that_were_filmed(tmp_path, name):
    filmed = clips.pan(range(0, 48, 4), size=(160, 120))
    clip = clips.write_clip(tmp_path / name, filmed, CODECS[name])
    photos, told = frames_of(clip, tmp_path / "photos")
    assert told["codec"] == {"av1": "av1"}.get(name.split(".")[0], name.split(".")[0])
    assert len(photos) == 12
    for number, photo in enumerate(photos.values()):
        assert difference(photo, filmed[number]) < 6
        assert difference(photo, filmed[number]) < 0.7 * difference(photo, filmed[(number + 1) % 12])


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_photos_are_upright(tmp_path, turn):
    """As the decoder's own turning has them."""
    clip = clips.write_clip(
        tmp_path / "clip.mp4", clips.pan(range(0, 24, 4), size=(160, 120)), before=["-display_rotation", str(turn)]
    )
    turned = subprocess.run(
        [ffmpeg.program(), "-loglevel", "error", "-i", clip, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
        capture_output=True,
        check=True,
    ).stdout
    height, width = (160, 120) if turn in (90, 270) else (120, 160)
    true = np.frombuffer(turned, np.uint8).reshape(-1, height, width, 3)
    photos, told = frames_of(clip, tmp_path / "photos")
    assert (told["width"], told["height"]) == (width, height)
    for photo, frame in zip(photos.values(), true, strict=True):
        assert difference(photo, frame) < 4


def test_a_frame_is_found_again_by_its_time_in_a_clip_of_variable_rate(tmp_path):
    filmed = clips.pan(range(0, 120, 2))
    late = "settb=1/3000,setpts='(N+floor(N/7)*3+if(mod(N,5),0,0.4))/30/TB'"
    clip = clips.write_clip(
        tmp_path / "phone.mp4", filmed, ["-vf", late, "-fps_mode", "passthrough", "-enc_time_base", "1/3000"]
    )
    measured = measure(probe(clip), VideoOptions(), Silent())
    expected = [(n + n // 7 * 3 + (0 if n % 5 else 0.4)) / 30 for n in range(60)]
    assert measured.times - measured.times[0] == pytest.approx(np.asarray(expected) - expected[0], abs=0.002)
    photos, _ = frames_of(clip, tmp_path / "photos", VideoOptions(frames=30))
    assert len(photos) == 30
    for moment, photo in photos.items():
        number = int(np.argmin(np.abs(measured.times * 1000 - moment)))
        assert difference(photo, filmed[number]) < 4
        assert difference(photo, filmed[number]) == min(difference(photo, frame) for frame in filmed)


def test_the_sharp_frames_are_taken_and_named_in_order(tmp_path):
    filmed = [clips.window(n * 3.0, blur=0 if n % 4 == 1 else 3) for n in range(120)]
    clip = clips.write_clip(tmp_path / "my clip!.mp4", filmed)
    photos, told = frames_of(clip, tmp_path / "photos", VideoOptions(frames=30))
    sharp = [round(moment * 30 / 1000) % 4 == 1 for moment in photos]
    assert sum(sharp) >= 27
    assert [photo["file"] for photo in told["chosen"]] == sorted(path.name for path in (tmp_path / "photos").iterdir())
    assert told["chosen"][0]["file"].startswith("my_clip-000")
    assert told["frames"] == 30
    assert "sharpest" in told["why"]


def test_start_and_end(tmp_path):
    filmed = clips.pan(range(0, 240, 4))
    clip = clips.write_clip(tmp_path / "clip.mp4", filmed)
    photos, _ = frames_of(clip, tmp_path / "photos", VideoOptions(start=0.5, end=1.0, fps=30))
    assert 495 <= min(photos) <= 540
    assert 940 <= max(photos) <= 1005
    for moment, photo in photos.items():
        assert difference(photo, filmed[round(moment * 30 / 1000)]) < 4


def test_photos_say_that_they_are_frames_of_one_video(tmp_path):
    clip = clips.write_clip(tmp_path / "clip.mp4", clips.pan(range(0, 24, 4)))
    frames_of(clip, tmp_path / "photos")
    found = []
    for path in sorted((tmp_path / "photos").iterdir()):
        with Image.open(path) as image:
            found.append(described(image.getexif()[0x010E]))
    assert len({frame.video for frame in found}) == 1
    assert [round(frame.seconds * 30) for frame in found] == list(range(6))


def test_photos_are_shrunk(tmp_path):
    clip = clips.write_clip(tmp_path / "clip.mp4", clips.pan(range(0, 24, 4)), before=["-display_rotation", "90"])
    photos, _ = frames_of(clip, tmp_path / "photos", max_size=100)
    assert {photo.shape for photo in photos.values()} == {(100, 75, 3)}


@pytest.mark.parametrize("size", [(161, 121), (320, 239)])
def test_odd_sizes(tmp_path, size):
    clip = clips.write_clip(tmp_path / "odd.mkv", clips.pan(range(0, 24, 4), size=size), ["-pix_fmt", "yuv444p"])
    photos, told = frames_of(clip, tmp_path / "photos")
    assert {photo.shape for photo in photos.values()} == {(size[1], size[0], 3)}
    assert (told["width"], told["height"]) == size


def test_pixels_that_are_no_squares(tmp_path):
    clip = clips.write_clip(tmp_path / "dv.mp4", clips.pan(range(0, 24, 4), size=(180, 240)), ["-aspect", "4:3"])
    photos, _ = frames_of(clip, tmp_path / "photos")
    assert {photo.shape for photo in photos.values()} == {(240, 320, 3)}


def test_interlaced_lines_are_woven_apart(tmp_path):
    """Two half pictures taken one after the other: in a photo there must be no comb at upright edges."""
    halves = clips.pan(range(0, 240, 12))
    woven = []
    for first, second in zip(halves[::2], halves[1::2], strict=True):
        frame = first.copy()
        frame[1::2] = second[1::2]
        woven.append(frame)
    clip = clips.write_clip(
        tmp_path / "tv.mp4", woven, ["-flags", "+ilme+ildct", "-x264-params", "tff=1", "-vf", "setfield=tff"]
    )
    assert probe(clip).interlaced
    photos, _ = frames_of(clip, tmp_path / "photos", VideoOptions(fps=30))

    def comb(frame):
        return float(np.abs(np.diff(frame.astype(float), axis=0)).mean())

    assert len(photos) == 10
    assert np.mean([comb(photo) for photo in photos.values()]) < 0.7 * np.mean([comb(frame) for frame in woven])


@pytest.mark.parametrize(("transfer", "options"), [("hlg", clips.HLG), ("pq", clips.PQ)])
@pytest.mark.parametrize("codec", ["libx265", "libx264"])
def test_hdr_becomes_srgb_by_one_curve(tmp_path, transfer, options, codec):
    """Patches of one colour each, against the curve worked out for that colour."""
    rng = np.random.default_rng(3)  # not so colourful that sRGB cannot show it: the table rounds where it ends
    colours = rng.integers(30, 190, (12, 1)) + rng.integers(-12, 12, (12, 3))
    patches = np.repeat(np.repeat(colours.reshape(3, 4, 3), 40, axis=0), 40, axis=1).astype(np.uint8)
    filmed = [np.roll(patches, 16 * number, axis=1) for number in range(6)]
    params = ("-x265-params", "log-level=none") if codec == "libx265" else ()
    clip = clips.write_clip(
        tmp_path / "hdr.mp4",
        filmed,
        [*options, "-pix_fmt", "yuv420p10le", "-c:v", codec, "-preset", "ultrafast", "-crf", "1", *params],
    )
    photos, told = frames_of(clip, tmp_path / "photos")
    assert told["hdr"] == transfer
    expected = tone.to_srgb(colours / 255, transfer) * 255
    for number, photo in enumerate(photos.values()):
        found = (
            np.roll(photo, -16 * number, axis=1)
            .reshape(3, 40, 4, 40, 3)[:, 10:30, :, 10:30]
            .mean(axis=(1, 3))
            .reshape(-1, 3)
        )
        assert found == pytest.approx(expected, abs=5 if transfer == "hlg" else 10)  # of eight bits, PQ's are coarse


@pytest.mark.parametrize(("transfer", "name"), [("hlg", "arib-std-b67"), ("pq", "smpte2084")])
def test_light_is_what_zimg_makes_of_it(transfer, name):
    """The decoder's own library of transfers, asked for linear light of the same white.

    Of greys: colours in HLG it makes brighter channel by channel, where the standard goes by their luminance.
    """
    colours = np.repeat(np.random.default_rng(0).integers(0, 65535, (64, 1), dtype=np.uint16), 3, axis=1)
    said = (
        "setparams=color_primaries=bt2020:color_trc={}:colorspace=gbr:range=pc,zscale=t=linear:npl=203,format=gbrpf32le"
    )
    done = subprocess.run(
        [
            *(
                ffmpeg.program(),
                "-loglevel",
                "error",
                "-f",
                "rawvideo",
                "-pix_fmt",
                "gbrp16le",
                "-s",
                "64x1",
                "-i",
                "-",
            ),
            *("-vf", said.format(name), "-f", "rawvideo", "-pix_fmt", "gbrpf32le", "-"),
        ],
        input=colours[:, [1, 2, 0]].T.astype("<u2").tobytes(),
        capture_output=True,
        check=True,
    )
    theirs = np.frombuffer(done.stdout, "<f4").reshape(3, 64).T[:, [2, 0, 1]]
    ours = tone.light_of(colours / 65535, transfer)
    assert ours == pytest.approx(theirs, rel=0.02, abs=0.002)


@pytest.mark.parametrize("transfer", ["hlg", "pq"])
def test_the_curve_leaves_what_is_dark_and_never_turns_back(transfer):
    greys = np.repeat(np.linspace(0, 1, 400)[:, None], 3, axis=1)
    shown = tone.to_srgb(greys, transfer)
    assert (np.diff(shown[:, 0]) >= -1e-9).all()
    assert np.ptp(shown, axis=1).max() < 0.01
    light = tone.light_of(greys, transfer)[:, 0]
    dark = light < 0.45
    linear = np.where(shown <= 0.04045, shown / 12.92, ((shown + 0.055) / 1.055) ** 2.4)
    assert linear[dark, 0] == pytest.approx(light[dark], abs=0.002)
    assert 0.85 < np.interp(1.0, light, shown[:, 0]) < 0.95


def test_what_is_decoded_in_one_call():
    class Measured:
        keys = np.arange(300) % 60 == 0

    groups = list(together([0, 5, 30, 59, 61, 150, 179, 240], Measured))
    assert groups == [[0, 1, 2, 3, 4], [5, 6], [7]]


def test_the_command_writes_photos_and_why(tmp_path, capsys):
    clip = clips.write_clip(tmp_path / "clip.mp4", clips.pan(range(0, 90, 3)))
    assert cli.main(["frames", str(clip), "-o", str(tmp_path / "photos"), "--frames", "8"]) == 0
    told = json.loads((tmp_path / "photos" / "frames.json").read_text())["videos"][0]
    assert told["name"] == "clip.mp4"
    assert len(list((tmp_path / "photos").glob("clip-*.jpg"))) == told["frames"] == 8
    assert "8 photos" in capsys.readouterr().out
    assert cli.main(["frames", str(clip), "-o", str(tmp_path / "photos"), "--frames", "6"]) == 0  # its own are replaced
    assert len(list((tmp_path / "photos").glob("clip-*.jpg"))) == 6


def test_the_command_touches_nothing_else(tmp_path, capsys):
    clip = clips.write_clip(tmp_path / "clip.mp4", clips.pan(range(0, 24, 3)))
    before = clip.read_bytes()
    assert cli.main(["frames", str(clip), "-o", str(tmp_path)]) == 1
    assert "[invalid_job]" in capsys.readouterr().err
    assert clip.read_bytes() == before
    assert list(tmp_path.iterdir()) == [clip]


def test_the_command_takes_what_it_can_of_a_folder(tmp_path, capsys):
    folder = tmp_path / "holiday"
    folder.mkdir()
    clips.write_clip(folder / "good.mov", clips.pan(range(0, 60, 3)))
    (folder / "bad.mp4").write_bytes(b"nothing")
    (folder / "notes.txt").write_text("...")
    assert cli.main(["frames", str(folder), "-o", str(tmp_path / "photos")]) == 0
    out = capsys.readouterr().out
    assert "bad.mp4: left out" in out
    assert "good.mov:" in out
    assert cli.main(["frames", str(folder / "bad.mp4"), "-o", str(tmp_path / "none")]) == 1
    assert "[no_video]" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_two_clips_share_what_may_be_taken(tmp_path):
    paths = [
        clips.write_clip(tmp_path / f"{n}" / "clip.mp4", clips.pan(range(n, 120 + n, 2))) for n in self_made(tmp_path)
    ]
    made = take_frames(paths, tmp_path / "photos", VideoOptions(), Silent(), most=40)
    counts = [video["frames"] for video in made.videos]
    assert sum(counts) <= 40
    assert min(counts) >= 15
    assert len({photo["file"] for video in made.videos for photo in video["chosen"]}) == sum(counts)


def self_made(tmp_path):
    for number in range(2):
        (tmp_path / f"{number}").mkdir()
        yield number


def test_the_stage_tells_of_each_clip(tmp_path, capsys):
    clip = clips.write_clip(tmp_path / "clip.mp4", clips.pan(range(0, 60, 3)))
    (tmp_path / "bad.mp4").write_bytes(b"nothing")
    words = ["frames", str(tmp_path / "bad.mp4"), str(clip), "-o", str(tmp_path / "incoming"), "--arriving", "--json"]
    assert cli.main([*words, "--name", "a", "--name", "b"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    result = lines[-1]["result"]
    assert [video["name"] for video in result["videos"]] == ["a", "b"]
    assert from_event(result["errors"]["0"]).code == "no_video"
    assert {line["step"] for line in lines if line["event"] == "progress"} == {"reading the video", "choosing frames"}
    assert not (tmp_path / "incoming" / "frames.json").exists()

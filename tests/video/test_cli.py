"""`splatworker frames`: for people, and as a stage."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from support import clips

from splatworker import cli
from splatworker.errors import from_event
from splatworker.machine import video_decoder


def test_the_command_writes_photos_and_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = clips.write_clip(tmp_path / "clip.mp4", clips.pan(range(0, 90, 3)))
    assert cli.main(["frames", str(clip), "-o", str(tmp_path / "photos"), "--frames", "8"]) == 0
    told = json.loads((tmp_path / "photos" / "frames.json").read_text())["videos"][0]
    assert told["name"] == "clip.mp4"
    assert len(list((tmp_path / "photos").glob("clip-*.jpg"))) == told["frames"] == 8
    assert "8 photos" in capsys.readouterr().out
    assert cli.main(["frames", str(clip), "-o", str(tmp_path / "photos"), "--frames", "6"]) == 0  # its own are replaced
    assert len(list((tmp_path / "photos").glob("clip-*.jpg"))) == 6


@pytest.mark.parametrize("wanted", [True, False])
def test_why_the_processors_decode_is_told_where_a_gpu_was_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, wanted: bool
) -> None:
    if wanted:
        monkeypatch.setenv(video_decoder.VARIABLE, "cuda")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # where there is one, too
    clip = clips.write_clip(tmp_path / "clip.mp4", clips.pan(range(0, 60, 3)))
    assert cli.main(["frames", str(clip), "-o", str(tmp_path / "photos")]) == 0
    told = json.loads((tmp_path / "photos" / "frames.json").read_text())["videos"][0]
    assert told["decoder"] == "cpu"
    assert ("cuda" in (told["decoder_reason"] or "").lower()) == wanted
    said = capsys.readouterr().out
    assert (f"clip.mp4: decoded on processors, not on a GPU: {told['decoder_reason']}\n" in said) == wanted


def test_the_command_touches_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = clips.write_clip(tmp_path / "clip.mp4", clips.pan(range(0, 24, 3)))
    before = clip.read_bytes()
    assert cli.main(["frames", str(clip), "-o", str(tmp_path)]) == 1
    assert "[invalid_job]" in capsys.readouterr().err
    assert clip.read_bytes() == before
    assert list(tmp_path.iterdir()) == [clip]


def test_the_command_takes_what_it_can_of_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
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


def test_the_stage_tells_of_each_clip(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
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


@pytest.mark.parametrize("arrives", [True, False])
def test_the_stage_is_told_what_has_arrived(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arrives: bool
) -> None:
    clip = clips.write_clip(tmp_path / "clip.mp4", clips.pan(range(0, 60, 3)))
    request = json.dumps({"clips": [str(clip)], "names": ["a"], "most": 7}) if arrives else ""
    monkeypatch.setattr("sys.stdin", io.StringIO(request))
    words = ["frames", "--ahead", str(tmp_path / "videos"), "-o", str(tmp_path / "incoming"), "--arriving", "--json"]
    assert cli.main(words) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])["result"]
    assert [(video["name"], video["frames"]) for video in result["videos"]] == ([("a", 7)] if arrives else [])
    assert result["errors"] == {}


@pytest.mark.parametrize("words", [[], ["clip.mp4", "--ahead", "videos"]])
def test_videos_are_named_or_told(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["frames", *words, "-o", str(tmp_path / "photos")])
    assert "--ahead" in capsys.readouterr().err

"""Videos as jobs and on the command line, with instant cameras and training: what comes of each, and what is told."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from support import clips
from support.jobs import do, stand_in, write_photos
from support.servers import RawServer, read_request, respond
from support.waiting import wait_until

from splatworker.commands import run as run_cli
from splatworker.worker.session import WorkerSettings

pytestmark = pytest.mark.usefixtures("own_workspaces")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clips.write_clip(tmp_path_factory.mktemp("clips") / "walk.mp4", clips.pan(range(0, 150, 3), size=(160, 120)))


def job(tmp_path: Path, **fields: Any) -> dict[str, Any]:
    return {"id": "job-1", "input": {"upload_url": str(tmp_path / "out" / "splat.ply"), **fields}}


def run(*words: object) -> int:
    return run_cli.main([str(word) for word in (*words, "--ply-only")], command=stand_in())


def test_a_job_of_one_video(clip: Path, tmp_path: Path) -> None:
    answer = do(job(tmp_path, video_url=str(clip)))
    assert answer["status"] == "success", answer
    (video,) = answer["videos"]
    assert (video["index"], video["name"], video["codec"]) == (0, "walk.mp4", "h264")
    assert video["frames"] == answer["photos"]["given"] == answer["photos"]["registered"] >= 20
    assert "sharpest" in video["why"]
    assert "chosen" not in video
    assert answer["timings"]["frames"] >= 0
    assert "frames" in answer["timings"]
    json.dumps(answer)


def test_a_job_of_photos_and_videos_numbers_photos_by_their_urls(clip: Path, tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 6)
    photos[2].write_bytes(b"nothing")
    answer = do(job(tmp_path, image_urls=[str(path) for path in photos], video_urls=[str(clip)], video={"frames": 9}))
    assert answer["status"] == "success", answer
    assert answer["photos"]["given"] == 6 + 9
    assert [photo["index"] for photo in answer["photos"]["rejected"]] == [2]
    assert [video["frames"] for video in answer["videos"]] == [9]


def test_two_videos(clip: Path, tmp_path: Path) -> None:
    other = clips.write_clip(tmp_path / "walk.mp4", clips.pan(range(200, 300, 4), size=(160, 120)))
    answer = do(job(tmp_path, video_url=str(clip), video_urls=[str(other)], video={"frames": 8}))
    assert [(video["index"], video["frames"]) for video in answer["videos"]] == [(0, 8), (1, 8)]
    assert answer["photos"]["given"] == 16


def test_a_broken_video_beside_photos_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "clip.mov").write_bytes(b"nothing")
    photos = [str(path) for path in write_photos(tmp_path / "photos", 6)]
    answer = do(job(tmp_path, image_urls=photos, video_url=str(tmp_path / "clip.mov")))
    assert answer["status"] == "success", answer
    assert answer["videos"][0] | {"reason": ""} == {
        "index": 0, "name": "clip.mov", "frames": 0, "code": "no_video", "reason": "",
    }  # fmt: skip
    assert any(warning.startswith("A video is left out: ") for warning in answer["warnings"])
    assert answer["photos"]["given"] == 6


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"nothing", "no_video"), (None, "no_video"), (b"\0\0\0\x10ftypisom\0\0\0\0", "video_damaged")],
)
def test_without_anything_else_the_job_fails_with_the_videos_reason(
    tmp_path: Path, content: bytes | None, code: str
) -> None:
    if content is not None:
        (tmp_path / "clip.mov").write_bytes(content)
    answer = do(job(tmp_path, image_urls=[], video_url=str(tmp_path / "clip.mov")))
    assert (answer["status"], answer["code"], answer["stage"]) == ("error", code, "frames")
    assert "clip.mov" in answer["error"]
    assert answer["hint"]


def test_a_video_is_fetched_like_any_other_url(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPLATWORKER_ALLOW_PRIVATE_URLS", "1")

    def behave(connection: socket.socket, _: int) -> None:
        head = read_request(connection)[0]
        respond(connection, "200 OK", clip.read_bytes() if b"GET /a/my%20clip.mp4?" in head else b"")

    with RawServer(behave) as server:
        answer = do(job(tmp_path, video_url=server.url("/a/my%20clip.mp4?X-Amz-Signature=secret"), video={"frames": 7}))
    assert answer["status"] == "success", answer
    assert answer["videos"][0]["name"] == "my clip.mp4"
    assert "secret" not in json.dumps(answer)


def test_a_video_is_read_while_it_arrives(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server sends the rest once somebody has taken the arriving file up; its index, which is its end, before."""
    monkeypatch.setenv("SPLATWORKER_ALLOW_PRIVATE_URLS", "1")
    content = clip.read_bytes()
    asked: list[bytes] = []

    def behave(connection: socket.socket, _: int) -> None:
        head = read_request(connection)[0]
        ranges = [line.split(b"=")[1] for line in head.split(b"\r\n") if line.startswith(b"Range:")]
        asked.extend(ranges)
        tag = 'ETag: "v1"'
        if ranges:
            start = int(ranges[0].split(b"-")[0])
            said = f"Content-Range: bytes {start}-{len(content) - 1}/{len(content)}"
            respond(connection, "206 Partial Content", content[start:], said, tag)
            return
        respond(connection, "200 OK", content[:5000], tag, length=len(content))
        wait_until(lambda: asked and any(file.stat().st_nlink > 1 for file in arriving(tmp_path / "workspaces")))
        connection.sendall(content[5000:])

    with RawServer(behave) as server:
        answer = do(job(tmp_path, video_url=server.url("/walk.mp4"), video={"frames": 12}))
    assert answer["status"] == "success", answer
    assert asked == [f"{content.rindex(b'moov') - 4}-{len(content) - 1}".encode()]
    expected = do(job(tmp_path, video_url=str(clip), video={"frames": 12}))
    assert answer["videos"] == expected["videos"]


def arriving(workspaces: Path) -> list[Path]:
    return list(workspaces.glob("**/videos-arriving/*"))


@pytest.mark.parametrize("fault", ["truncated", "changed"])
def test_a_video_that_does_not_come_as_it_began(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """Its error is that of the transfer; another file than before is what it is."""
    monkeypatch.setenv("SPLATWORKER_ALLOW_PRIVATE_URLS", "1")
    other = clips.write_clip(tmp_path / "walk.mp4", clips.pan(range(200, 300, 4), size=(160, 120)))
    first, then = clip.read_bytes(), other.read_bytes()
    whole = 0

    def behave(connection: socket.socket, _: int) -> None:
        nonlocal whole
        head = read_request(connection)[0]
        if b"\r\nRange: " in head and whole == 1 and b'"v1"' in head and b"-\r\n" not in head:
            start = first.rindex(b"moov") - 4
            said = f"Content-Range: bytes {start}-{len(first) - 1}/{len(first)}"
            respond(connection, "206 Partial Content", first[start:], said, 'ETag: "v1"')
        elif not whole:
            whole = 1
            respond(connection, "200 OK", first[:5000], 'ETag: "v1"', length=len(first))
            wait_until(lambda: any(file.stat().st_nlink > 1 for file in arriving(tmp_path / "workspaces")))
        elif fault == "changed":
            respond(connection, "200 OK", then, 'ETag: "v2"')
        else:
            respond(connection, "404 Not Found")

    with RawServer(behave) as server:
        answer = do(job(tmp_path, video_url=server.url("/walk.mp4"), video={"frames": 8}))
    if fault == "truncated":
        assert (answer["status"], answer["code"], answer["stage"]) == ("error", "no_video", "frames")
        assert "404" in answer["error"]
    else:
        expected = do(job(tmp_path, video_url=str(other), video={"frames": 8}))
        assert answer["videos"] == expected["videos"]


def test_strangers_videos_are_no_paths_and_no_private_addresses(clip: Path, tmp_path: Path) -> None:
    settings = WorkerSettings(command=stand_in())
    for url in (str(clip), clip.as_uri(), "http://127.0.0.1/clip.mp4", "http://169.254.169.254/latest"):
        for fields in ({"video_url": url}, {"video_urls": [url]}):
            event = {"input": {"upload_url": "https://store.example/a.ply", **fields}}
            answer = do(event, settings=settings)
            assert (answer["status"], answer["code"]) == ("error", "invalid_job")
            assert next(iter(fields)) in answer["error"]


def test_a_video_is_no_place_for_the_splat(clip: Path, tmp_path: Path) -> None:
    answer = do({"input": {"video_url": str(clip), "upload_url": str(clip)}})
    assert (answer["status"], answer["code"]) == ("error", "invalid_job")
    assert clip.stat().st_size > 1000


def test_what_a_video_may_cost_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPLATWORKER_MOST_PHOTOS", "50")
    event = job(tmp_path, video_url="https://videos.example/a.mp4", video={"frames": 60})
    answer = do(event, settings=WorkerSettings(command=stand_in()))
    assert answer["code"] == "invalid_job"
    assert "SPLATWORKER_MOST_PHOTOS" in answer["hint"]


def test_the_command_takes_a_video_word_for_word(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(clip, "-o", out, "--frames", "12") == 0
    result = json.loads((out / "result.json").read_text())
    assert result["videos"][0]["frames"] == len(result["videos"][0]["chosen"]) == 12
    assert result["photos"]["given"] == 12
    assert "from 12 of 12 photos" in capsys.readouterr().err


def test_the_command_takes_a_folder_with_videos_beside_photos(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "holiday"
    write_photos(folder / "day 1", 6)
    (folder / "day 2").mkdir()
    (folder / "day 2" / "walk.MOV").write_bytes(clip.read_bytes())
    (folder / "broken.mp4").write_bytes(b"nothing")
    (folder / "thumbnails").mkdir()
    out = tmp_path / "out"
    assert run(folder, "-o", out, "--frames", "8") == 0
    result = json.loads((out / "result.json").read_text())
    assert [(video["name"], video["frames"]) for video in result["videos"]] == [
        ("broken.mp4", 0),
        ("day 2/walk.MOV", 8),
    ]
    assert result["photos"]["given"] == 14
    assert "day_1_IMG_0001.jpg" in {path.name for path in (out / "scene" / "images").iterdir()}
    assert any("thumbnails was passed over" in warning for warning in result["warnings"])
    assert sorted(path.name for path in folder.iterdir()) == ["broken.mp4", "day 1", "day 2", "thumbnails"]


def test_frames_go_on_from_a_folder_that_the_command_made(clip: Path, tmp_path: Path) -> None:
    from splatworker import cli

    assert cli.main(["frames", str(clip), "-o", str(tmp_path / "photos"), "--frames", "8"]) == 0
    assert run(tmp_path / "photos", "-o", tmp_path / "out") == 0
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert result["photos"]["given"] == 8
    assert result["photos"]["rejected"] == []


def test_without_videos_the_answer_is_as_ever(tmp_path: Path) -> None:
    photos = [str(path) for path in write_photos(tmp_path / "photos", 6)]
    assert "videos" not in do(job(tmp_path, image_urls=photos))


def test_what_is_asked_of_videos_without_one_is_a_warning(tmp_path: Path) -> None:
    photos = [str(path) for path in write_photos(tmp_path / "photos", 6)]
    answer = do(job(tmp_path, image_urls=photos, video={"frames": 60, "start": 1}))
    assert "There is no video, so this has no effect: frames, start." in answer["warnings"]
    assert run(tmp_path / "photos", "-o", tmp_path / "out2", "--fps", "2") == 0
    result = json.loads((tmp_path / "out2" / "result.json").read_text())
    assert "There is no video, so this has no effect: fps." in result["warnings"]

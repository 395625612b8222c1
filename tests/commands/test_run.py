"""`splatworker run`: a folder in, a splat and what is made of it out, and every kind of bad input."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from support.jobs import stand_in, write_photos
from support.waiting import PATIENCE_S, wait_until

from splatworker.commands import run as run_cli
from splatworker.contract.outputs import BY_DEFAULT, OUTPUTS
from splatworker.formats.folder_record import RECORD
from splatworker.pipeline import stage_calls
from splatworker.stages import workspace

ROOT = Path(__file__).parents[2]

SPLAT = {RECORD, "model", "result.json", "scene", "splat.ply"}


def run(*argv: object, faults: tuple[str, ...] = ()) -> int:
    """A run that ends with the splat."""
    return run_and_export(*argv, "--ply-only", faults=faults)


def run_and_export(*argv: object, faults: tuple[str, ...] = ()) -> int:
    return run_cli.main([str(word) for word in argv], command=stand_in(*faults))


def one_sentence(text: str, code: str) -> str:
    last = text.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    assert last.endswith(f"[{code}]")
    return last


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    write_photos(tmp_path / "photos")
    return tmp_path / "photos"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def test_out_holds_the_splat_its_scene_its_model_and_the_result(
    photos: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(photos, "-o", out, "-p", "iterations=50") == 0
    assert {path.name for path in out.iterdir()} == SPLAT
    result = json.loads((out / "result.json").read_text())
    assert result["gaussians"] == 40
    assert result["quality"]["iterations"] == 50
    assert result["ply"] == str(out / "splat.ply")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "40 Gaussians from 6 of 6 photos" in captured.err


def test_a_second_run_replaces_the_first(photos: Path, out: Path) -> None:
    assert run(photos, "-o", out, "-p", "iterations=60") == 0
    (out / "mine.txt").touch()
    (photos / "IMG_0001.jpg").unlink()
    assert run(photos, "-o", out, "-p", "iterations=50") == 0
    assert not (out / "scene" / "images" / "IMG_0001.jpg").exists()
    assert [path.name for path in (out / "model" / "point_cloud").iterdir()] == ["iteration_50"]
    assert {path.name for path in out.iterdir()} == SPLAT | {"mine.txt"}


def test_everything_is_made_of_the_splat_and_told(photos: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_and_export(photos, "-o", out, "--eval") == 0
    assert {path.name for path in out.iterdir()} == SPLAT | {OUTPUTS[name].file for name in BY_DEFAULT}
    result = json.loads((out / "result.json").read_text())
    assert result["outputs"] == {name: str(out / OUTPUTS[name].file) for name in BY_DEFAULT}
    assert result["timings"]["export"] > 0
    told = capsys.readouterr().err
    for name in BY_DEFAULT:
        assert str(out / OUTPUTS[name].file) in told
    assert f"splatworker view {out}" in told
    quality = json.loads((out / "quality.json").read_text())
    assert quality["settings"]["eval"] is True
    assert set(quality["timings"]) == {"photos", "sfm", "train", "export"}


def test_a_run_removes_what_was_made_of_another_splat(photos: Path, out: Path) -> None:
    for arguments, made in (
        (["--formats", "spz,poster", "--no-clean"], {"splat.spz", "poster.webp"}),
        (["--formats", "splat"], {"splat.splat"}),
        (["--ply-only"], set()),
    ):
        assert run_and_export(photos, "-o", out, *arguments) == 0
        assert {path.name for path in out.iterdir()} == SPLAT | made


@pytest.mark.parametrize("fault", ["silent", "killed"])
def test_a_failed_export_leaves_the_splat(
    photos: Path, out: Path, capsys: pytest.CaptureFixture[str], fault: str
) -> None:
    assert run_and_export(photos, "-o", out, faults=(f"export={fault}",)) == 0
    assert {path.name for path in out.iterdir()} == SPLAT
    result = json.loads((out / "result.json").read_text())
    assert result["outputs"] == {}
    assert "spz" in result["warnings"][-1]
    assert "None of the outputs" in capsys.readouterr().err


def test_ply_only_starts_no_export(photos: Path, out: Path) -> None:
    assert run(photos, "-o", out, faults=("export=segfault",)) == 0
    result = json.loads((out / "result.json").read_text())
    assert result["outputs"] == {}
    assert not any("output" in warning for warning in result["warnings"])


@pytest.mark.parametrize("words", [["--formats", "gltf"], ["--formats", "spz", "--ply-only"]])
def test_wrong_formats(photos: Path, out: Path, words: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        run_and_export(photos, "-o", out, *words)
    assert stopped.value.code == 2
    assert not out.exists()


STOPPED = """
import json, sys
from splatworker.commands import run as run_cli
sys.exit(run_cli.main(sys.argv[2:], command=json.loads(sys.argv[1])))
"""


def stopped(number: signal.Signals, photos: Path, out: Path, fault: str, when: str) -> tuple[int, str]:
    """Stop a run by a signal when such a file stands in its folder; its exit status, and what it has told."""
    running = subprocess.Popen(
        [sys.executable, "-c", STOPPED, json.dumps(stand_in(fault)), photos, "-o", out],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    wait_until(lambda: list(out.glob(when)))
    running.send_signal(number)
    _, told = running.communicate(timeout=PATIENCE_S)
    return running.returncode, told


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_during_the_export_keeps_its_splat(
    photos: Path, out: Path, number: signal.Signals
) -> None:
    status, told = stopped(number, photos, out, "export=hang", when=".splat-*/account.json")
    assert status == 0
    assert "stopped" in told
    assert {path.name for path in out.iterdir()} == SPLAT
    assert json.loads((out / "result.json").read_text())["outputs"] == {}


def test_json_for_programs(photos: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(photos, "-o", out, "--json") == 0
    captured = capsys.readouterr()
    events = [json.loads(line) for line in captured.out.splitlines()]
    assert captured.err == ""
    fractions = [event["fraction"] for event in events if event["event"] == "progress"]
    assert fractions == sorted(fractions)
    assert events[-1]["event"] == "result"
    assert events[-1]["result"]["gaussians"] == 40


def test_json_errors(tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "nowhere", "-o", out, "--json") == 1
    (event,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert event["event"] == "error"
    assert event["code"] == "no_photos"


def test_no_folder(tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "nowhere", "-o", out) == 1
    assert "nowhere" in one_sentence(capsys.readouterr().err, "no_photos")
    assert not out.exists()


def test_no_photos(tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "photos").mkdir()
    assert run(tmp_path / "photos", "-o", out) == 1
    one_sentence(capsys.readouterr().err, "no_photos")
    assert not out.exists()


def test_fewer_than_five(tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_photos(tmp_path / "photos", 4)
    assert run(tmp_path / "photos", "-o", out) == 1
    assert "Only 4 of 4" in one_sentence(capsys.readouterr().err, "too_few_photos")
    assert not out.exists()


def test_text_files(tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "photos").mkdir()
    for number in range(6):
        (tmp_path / "photos" / f"note{number}.txt").write_text("words\n")
    assert run(tmp_path / "photos", "-o", out) == 1
    message = one_sentence(capsys.readouterr().err, "no_photos")
    assert "note0.txt: it is not a JPEG" in message
    assert "and 3 more" in message
    assert not out.exists()


def test_a_truncated_photo_is_dropped_and_named(photos: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    victim = photos / "IMG_0002.jpg"
    victim.write_bytes(victim.read_bytes()[:1500])
    assert run(photos, "-o", out) == 0
    said = capsys.readouterr().err
    assert "IMG_0002.jpg is left out: it is truncated" in said
    assert f"Not used: IMG_0002.jpg. {out / 'result.json'} says why." in said
    assert json.loads((out / "result.json").read_text())["photos"]["rejected"][0]["name"] == "IMG_0002.jpg"


def test_bad_params(photos: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(photos, "-o", out, "-p", "iteratoins=1") == 1
    assert "'iterations'" in one_sentence(capsys.readouterr().err, "unknown_param")
    assert not out.exists()


@pytest.mark.parametrize(
    ("assignments", "size"),
    [
        ([], "640"),
        (["resolution=1"], None),
        (["resolution_scales=2.0"], "80"),
        (["resolution_scales=4,2,8"], "80"),
        (["resolution_scales=2.0", "resolution=2"], "80"),
    ],
)
def test_how_large_the_photos_to_train_on_are(
    photos: Path, out: Path, assignments: list[str], size: str | None
) -> None:
    words = [word for assignment in assignments for word in ("-p", assignment)]
    assert run(photos, "-o", out, *words) == 0
    options = json.loads((out / "scene" / "options.json").read_text())
    assert (options[options.index("--undistort-max-size") + 1] if size else None) == size
    assert ("--undistort-max-size" in options) is (size is not None)


def test_a_failed_run_leaves_an_earlier_result_alone(
    photos: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(photos, "-o", out) == 0
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    assert run(photos, "-o", out, faults=("train=silent",)) == 1
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()} == before
    assert "the last words" in capsys.readouterr().err


def test_a_full_disk_during_training(
    photos: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module, name in ((workspace, "LEAST_DISK"), (stage_calls, "TRAINING_DISK")):
        monkeypatch.setattr(module, name, 0)
    assert run(photos, "-o", small_disk / "out", faults=("train=full-disk",)) == 1
    one_sentence(capsys.readouterr().err, "disk_full")
    assert list(small_disk.iterdir()) == []


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 1)])
def test_a_run_that_is_stopped_leaves_nothing(photos: Path, out: Path, number: signal.Signals, status: int) -> None:
    ended, told = stopped(number, photos, out, "train=hang", when=".splat-*/scene/options.json")
    assert ended == status
    one_sentence(told, "cancelled")
    assert not out.exists()


def real(*argv: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "splatworker", *map(str, argv)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )


def test_photos_that_share_nothing(tmp_path: Path, out: Path) -> None:
    """With the real COLMAP."""
    write_photos(tmp_path / "photos", 5, size=(480, 360))
    done = real("run", tmp_path / "photos", "-o", out)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    assert last.rpartition("[")[2] in ("no_features]", "no_overlap]", "no_reconstruction]")
    assert not out.exists()


def test_the_exit_status_of_a_wrong_command_line_is_2() -> None:
    assert real("walk").returncode == 2
    assert real("run").returncode == 2


def test_the_help_names_every_command() -> None:
    done = real("--help")
    assert done.returncode == 0
    for name in ("run", "photos", "sfm", "train", "render", "eval", "info"):
        assert f"splatworker {name}" in done.stdout


BALL = 'train=tune:stand_in_stages:SPLAT="ball"'


def test_the_object_alone_and_then_the_scene(photos: Path, out: Path) -> None:
    assert run_and_export(photos, "-o", out, "--subject", "object", "--formats", "splat", faults=(BALL,)) == 0
    assert {path.name for path in out.iterdir()} == SPLAT | {"object.json", "splat.splat"}
    result = json.loads((out / "result.json").read_text())
    assert result["warnings"] == [warning for warning in result["warnings"] if "preview" in warning]
    assert result["subject"]["delivered"] == "object"
    account = json.loads((out / "object.json").read_text())
    assert account["object_from_scene"] == result["subject"]["object_from_scene"]
    assert len(account["cameras"]) == 6
    assert run(photos, "-o", out, faults=(BALL,)) == 0
    assert {path.name for path in out.iterdir()} == SPLAT  # the object's account goes with its splat
    assert "subject" not in json.loads((out / "result.json").read_text())


def test_segmentation_is_told_of_where_it_is_asked_for(photos: Path, out: Path) -> None:
    """Whether it is installed or not: a ball of one colour is nothing that a network has to be believed about."""
    assert run(photos, "-o", out, "--subject", "object", "--segmentation", faults=(BALL,)) == 0
    told = json.loads((out / "result.json").read_text())["subject"]
    assert told["delivered"] == "object"
    assert told["segmentation"]["used"] in (True, False)
    assert run(photos, "-o", out, "--segmentation", faults=(BALL,)) == 0
    result = json.loads((out / "result.json").read_text())
    assert "The scene is delivered, not an object, so this has no effect: segmentation." in result["warnings"]


@pytest.mark.slow
def test_no_single_subject_gives_the_scene_and_a_warning(photos: Path, out: Path) -> None:
    assert run(photos, "-o", out, "--subject", "object") == 0
    assert {path.name for path in out.iterdir()} == SPLAT
    result = json.loads((out / "result.json").read_text())
    assert result["gaussians"] == 40
    assert result["subject"]["delivered"] == "scene"
    assert result["subject"]["code"] == "no_single_subject"
    assert any("The whole scene is delivered." in warning for warning in result["warnings"])


def test_a_stage_that_dies_over_the_object_costs_nobody_the_scene(photos: Path, out: Path) -> None:
    assert run(photos, "-o", out, "--subject", "object", faults=("object=segfault",)) == 0
    result = json.loads((out / "result.json").read_text())
    assert result["subject"]["delivered"] == "scene"
    assert result["subject"]["code"] == "stage_crashed"


def test_masks_beside_the_photos_are_used(photos: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (photos / "masks").mkdir()
    for photo in sorted(photos.glob("*.jpg")):
        mask = Image.new("L", (160, 120), 0)
        mask.paste(255, (0, 0, 100, 120))
        mask.save(photos / "masks" / f"{photo.stem}.mask.png")
    (photos / "masks" / "IMG_0009.png").write_bytes(b"")
    assert run(photos, "-o", out) == 0
    assert json.loads((out / "result.json").read_text())["photos"]["masked"] == 6
    assert sorted(path.name for path in (out / "scene" / "masks").iterdir()) == [
        f"IMG_000{number}.jpg.png" for number in range(1, 7)
    ]
    assert "IMG_0009.png is the mask of no photo." in capsys.readouterr().err
    (photos / "masks").rename(photos.parent / "others")
    assert run(photos, "-o", out, "--masks", photos.parent / "others", "--mask-mode", "cutout", "--invert-masks") == 0
    assert not (out / "scene" / "masks").exists()
    with Image.open(out / "scene" / "images" / "IMG_0001.png") as image:
        assert image.getpixel((20, 20))[3] == 0  # type: ignore[index]
        assert image.getpixel((140, 20))[3] == 255  # type: ignore[index]


def test_what_is_asked_of_masks_that_are_not_there_is_told(
    photos: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(photos, "-o", out, "--mask-mode", "cutout", "--invert-masks") == 0
    words = "Nothing of the photos is masked or transparent, so this has no effect: mask_mode, invert_masks."
    assert words in capsys.readouterr().err


def test_masks_that_are_not_there(photos: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(photos, "-o", out, "--masks", photos / "none") == 1
    assert "of masks" in one_sentence(capsys.readouterr().err, "invalid_masks")
    assert not out.exists()

"""`splatworker eval`: the scores of a splat by its photos."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from splatworker.formats.folder_record import RECORD
from splatworker.train import cli, eval_cli

QUICK = ["--iterations", "20", "--sh_degree", "0", "--eval", "--device", "cpu"]


def _events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def trained(tiny_scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[Path, dict[str, Any]]:
    model = tmp_path / "m"
    assert cli.main(["-s", str(tiny_scene), "-m", str(model), "--json", *QUICK]) == 0
    return model, _events(capsys.readouterr().out)[-1]["result"]


def test_eval_scores_as_the_trainer_did_and_shows_pairs(
    tiny_scene: Path, trained: tuple[Path, dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, result = trained
    assert eval_cli.main([str(model), "-s", str(tiny_scene), "-o", str(tmp_path / "pairs"), "--json"]) == 0
    scored = _events(capsys.readouterr().out)[-1]["result"]
    assert scored["photos"] == result["quality"]["test"]["photos"]
    assert scored["psnr"] == result["quality"]["test"]["psnr"]
    pair = np.asarray(Image.open(tmp_path / "pairs" / "photo000.png"))
    photo = np.asarray(Image.open(tiny_scene / "images" / "photo000.png"))
    assert pair.shape == (36, 96, 3)
    np.testing.assert_array_equal(pair[:, :48], photo)
    assert {path.name for path in (tmp_path / "pairs").iterdir()} == {RECORD, "photo000.png", "photo008.png"}


def test_eval_draws_with_antialiasing_what_was_trained_so(
    tiny_scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "m"
    assert cli.main(["-s", str(tiny_scene), "-m", str(model), "--json", "--antialiasing", *QUICK]) == 0
    result = _events(capsys.readouterr().out)[-1]["result"]
    assert eval_cli.main([str(model), "-s", str(tiny_scene), "--json", "--device", "cpu"]) == 0
    scored = _events(capsys.readouterr().out)[-1]["result"]
    assert scored["photos"] == result["quality"]["test"]["photos"]
    mark = b"comment SplatRenderMode: mip\n"
    ply = Path(result["ply"])
    ply.write_bytes(ply.read_bytes().replace(mark, b"", 1))
    assert eval_cli.main([str(model), "-s", str(tiny_scene), "--json", "--device", "cpu"]) == 0
    assert _events(capsys.readouterr().out)[-1]["result"]["photos"] != scored["photos"]


def test_eval_in_words_and_other_splits(
    tiny_scene: Path, trained: tuple[Path, dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    model, _ = trained
    assert eval_cli.main([str(model), "-s", str(tiny_scene), "--split", "all"]) == 0
    assert "mean of 12 photos" in capsys.readouterr().out


def test_eval_of_no_splat_is_an_error(tiny_scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert eval_cli.main([str(tmp_path / "empty"), "-s", str(tiny_scene)]) == 1
    assert "neither a PLY nor a model folder" in capsys.readouterr().err


def test_scores_of_photos_that_were_trained_on_are_called_that(
    tiny_scene: Path, trained: tuple[Path, dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    model, _ = trained
    flattered = "This splat was trained without --eval, on all photos"
    assert eval_cli.main([str(model), "-s", str(tiny_scene)]) == 0
    assert flattered not in capsys.readouterr().err
    config = model / "cfg_args"
    config.write_text(config.read_text().replace("eval=True", "eval=False"))
    assert eval_cli.main([str(model), "-s", str(tiny_scene)]) == 0
    assert flattered in capsys.readouterr().err

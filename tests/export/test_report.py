"""The report: one file without a network that names everything, and cannot be broken by a name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.exports import Exported
from support.pages import Page

from splatworker.export.report import Pictures, page


@pytest.fixture(scope="module")
def text(exported: Exported) -> str:
    return (exported.folder / "report.html").read_text()


@pytest.fixture(scope="module")
def report(text: str) -> Page:
    return Page(text)


def test_it_needs_no_other_file(report: Page, text: str) -> None:
    for tag, attributes in report.tags:
        for name in ("src", "href", "srcset", "poster", "data", "action"):
            value = attributes.get(name)
            assert value is None or value.startswith("data:"), (tag, value)
    assert "@import" not in text
    assert "url(" not in text
    assert "fetch(" not in text


def test_every_dropped_photo_is_named_with_its_reason(report: Page) -> None:
    for words in ("photo 4", "the server answered 404", "blurred <b>.jpg", "it shares too little with the others"):
        assert words in report.text


def test_photos_beside_renders_worst_first(report: Page, exported: Exported) -> None:
    quality = json.loads((exported.folder / "quality.json").read_text())
    captions = [f"{p['name']}: {p['psnr']:.2f} dB, SSIM {p['ssim']:.3f}" for p in quality["scores"]["photos"]]
    places = [report.text.index(caption) for caption in captions]
    assert len(places) == 2
    assert places == sorted(places)
    alts = [image.get("alt") for image in report.all("img")]
    assert alts[:3] == ["photo", "splat", "difference"]
    assert len(alts) == 6


def test_figures_charts_map_times_files_and_settings_are_there(report: Page, exported: Exported) -> None:
    for words in (
        "12 of 14", "A warning & more.", "PSNR on photos held out", "cameras 20.0 s", "training 1 min 40 s",
        "splat.spz", "splat.compressed.ply", "iterations", "Cleaning", "13 readable",
    ):  # fmt: skip
        assert words in report.text, words
    labels = {svg.get("aria-label") for svg in report.all("svg")}
    assert {"Loss over iteration", "Gaussians over iteration", "PSNR over iteration"} <= labels
    assert {"Cameras and points from above", "Time of each stage"} <= labels
    assert len([path for path in report.all("path") if "camera" in (path.get("class") or "")]) == 12
    assert len([path for path in report.all("path") if "held" in (path.get("class") or "")]) == 2
    assert len(report.all("canvas")) == 1


def figures(**more: Any) -> dict[str, Any]:
    return {
        "splat": {"gaussians": 1, "gaussians_trained": 1, "not_finite": 0, "sh_degree": 0, "trained_bytes": 10},
        "photos": {"given": 0, "used": 0, "registered": 0, "held_out": 0, "rejected": []},
        "scores": {"of": "trained on", "psnr": None, "ssim": None, "photos": [], "as_trained": {}},
        "training": {"log": [], "history": []},
        **{name: {} for name in ("reconstruction", "frame", "timings", "settings")},
        "cleaning": None,
        "formats": [],
        "warnings": [],
        **more,
    }


def pictures(**more: Any) -> Pictures:
    one = {"centers": np.zeros((1, 3)), "forwards": np.array([[0.0, 0, -1]]), "held_out": [False]}
    return Pictures(**{"comparisons": [], "points": np.zeros((0, 3)), **one, **more})


def test_what_cleaning_took_is_still_in_the_trained_ply() -> None:
    cleaning = {"removed": 3, "share": 0.1, "groups": {"haze": 3}, "spared": {}, "capped": False}
    said = Page(page(figures(cleaning=cleaning), pictures())).text
    assert "3 Gaussians (10.0%) are left out of all but the trained PLY." in said


def test_times_are_of_what_people_know_and_of_what_took_any() -> None:
    said = Page(page(figures(timings={"frames": 0.001, "sfm": 2.0}), pictures())).text
    assert "cameras 2.0 s" in said
    assert "frames" not in said


def test_names_from_strangers_are_only_text() -> None:
    evil = '</script><script>alert(1)</script><img src=x onerror="alert(2)">{{map}}'
    found = figures(
        warnings=[evil],
        settings={evil: evil},
        timings={evil: 1.0},
        photos={"given": 1, "used": 0, "registered": 0, "held_out": 0, "rejected": [{"name": evil, "reason": evil}]},
    )
    shown = Page(page(found, pictures(title=evil)))
    assert len(shown.all("script")) == 2  # the page's own
    assert shown.all("img") == []
    assert shown.text.count("alert(2)") >= 5


def test_every_dropped_photo_is_named_however_many_there_are(tmp_path: Path) -> None:
    rejected = [{"name": f"IMG_{number:04}.jpg", "reason": "it is blurred"} for number in range(120)]
    for photo in rejected[:100]:
        Image.new("RGB", (64, 48), (200, 30, 40)).save(tmp_path / photo["name"])
    counts = {"given": 130, "used": 10, "registered": 10, "held_out": 0, "rejected": rejected}
    shown = Page(page(figures(photos=counts), pictures(photo_folder=tmp_path)))
    for photo in rejected:
        assert photo["name"] in shown.text
    thumbnails = shown.all("img")
    assert len(thumbnails) == 48  # for those after them their names must do
    assert all(str(image["src"]).startswith("data:image/webp;base64,") for image in thumbnails)


def test_a_thumbnail_is_only_taken_from_the_photos_folder(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (64, 48)).save(tmp_path / "secret.jpg")
    counts = figures()["photos"] | {"rejected": [{"name": "../secret.jpg", "reason": "it is not there"}]}
    assert Page(page(figures(photos=counts), pictures(photo_folder=tmp_path / "photos"))).all("img") == []


def test_light_dark_and_phones(text: str) -> None:
    assert "prefers-color-scheme: dark" in text
    assert "width=device-width" in text

"""When photos of one camera are asked for their lenses, and when lenses that were told apart are believed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from support import photo_sets
from support.reconstructions import cloud, group, model

from splatworker.sfm import (
    adjustment,
    agreement,
    gate,
    lens_evidence,
    lens_groups,
    model_adjustment,
)
from splatworker.sfm.cameras import CameraGroup
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.fisheye_photos import Fisheyes
from splatworker.sfm.graph import MatchGraph
from splatworker.sfm.ladder import Attempt
from splatworker.sfm.options import SfmOptions
from splatworker.sfm.photo import PhotoHeader
from splatworker.sfm.workbench import Workbench

needs_kernel = pytest.mark.skipif(not adjustment.has_kernel(), reason="this installation has no adjustment kernel")


def tried(found: pycolmap.Reconstruction | None, inspection: gate.Inspection | None = None) -> Attempt:
    return Attempt("fast", "incremental", found, (), inspection or gate.Inspection(), 1.0, "own")


@needs_kernel
def test_which_cameras_are_asked_about(tmp_path: Path) -> None:
    bench = Workbench(tmp_path, tmp_path, SfmOptions(device="cpu"), 1)
    graph = MatchGraph(tuple(range(1, 13)), {(n, n + 1): 100 for n in range(1, 12)}, {}, 66)
    told, silent = group(12), group(12, has_prior=False)
    sound = model(photo_sets.arc(12), cloud(), noise=0.4)
    model_adjustment.adjust_model(sound)
    mixed = model(photo_sets.arc(12), cloud(), noise=0.4, zooms=[1.0, 1.1] * 6)

    def asked(of: CameraGroup, attempt: Attempt | None) -> set[int]:
        return lens_evidence.in_question(bench, [of], graph, [attempt] if attempt else [])

    assert asked(silent, tried(sound)) == set()
    assert asked(silent, tried(mixed)) == {1}
    assert asked(told, tried(mixed)) == {1}, "whatever its header says"
    assert asked(silent, None) == asked(silent, tried(None)) == {1}, "nothing placed them"
    assert asked(told, None) == set()
    assert asked(silent, tried(sound, gate.Inspection(implausible_images={5: "zoomed"}, other_lens={5}))) == {1}
    assert asked(group(3, has_prior=False), None) == set()


def test_each_camera_is_looked_at_for_fisheyes_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[list[int]] = []

    def among(_bench: Workbench, _group: CameraGroup, images: Sequence[int], _inliers: Any) -> Fisheyes:
        looked.append(list(images))
        return Fisheyes(frozenset({2, 5}), 190.0)

    monkeypatch.setattr(lens_evidence, "fisheyes_among", among)
    photos = [PhotoHeader(f"{number}.jpg", 640, 480) for number in range(1, 11)]
    groups = [CameraGroup(tuple(some), 520.0, False) for some in (photos[:5], photos[5:8], photos[8:])]
    graph = MatchGraph(tuple(range(1, 11)), {}, {}, 0)
    bench = Workbench(tmp_path, tmp_path, SfmOptions(device="cpu"), 1)
    fisheyes = lens_evidence.fisheyes_of(bench, photos, groups, graph)
    assert lens_evidence.of_two_kinds(groups, fisheyes) == {1}, "of the others there are too few photos to ask"
    number = {photo.name: image_id for image_id, photo in enumerate(photos, 1)}
    alone = lens_groups._each_alone(groups, {1}, number, fisheyes)
    assert [one.told for one in alone] == ["", "fisheye", "", "", "fisheye", "", ""]
    assert looked == [[1, 2, 3, 4, 5]]
    named = lens_evidence.fisheyes_of(
        Workbench(tmp_path, tmp_path, SfmOptions(camera_model="RADIAL"), 1), photos, groups, graph
    )
    assert lens_evidence.of_two_kinds(groups, named) == set()
    assert len(looked) == 1


def test_other_cameras_are_taken_only_where_more_matches_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = [model(photo_sets.arc(3), cloud()) for _ in "abc"]
    counts = {id(one): number for number, one in enumerate(models)}
    monkeypatch.setattr(lens_evidence, "closely", lambda found, _: counts[id(found)])
    monkeypatch.setattr(agreement, "read_verified", lambda _: None)
    bench = cast(Workbench, SimpleNamespace(database=tmp_path))
    few, more, most = (tried(one) for one in models)
    assert lens_evidence.is_truer([most], [few, more], bench)
    assert not lens_evidence.is_truer([few], [more], bench)
    assert lens_evidence.is_truer([more], [], bench), "there was nothing before"
    bad = tried(models[2], gate.Inspection(faults=["bent"]))
    assert not lens_evidence.is_truer([bad], [few], bench)

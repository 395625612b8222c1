"""Thresholds of mapping in rounds."""

from __future__ import annotations

from pathlib import Path

from splatworker.sfm import first_pair, mapping, resection, round_rules, tracks
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.mapping import MapperPreset, incremental_options
from splatworker.sfm.options import SfmOptions
from splatworker.sfm.workbench import Workbench


def test_by_default_they_are_colmaps() -> None:
    """As this package's own defaults are said to be."""
    rules = round_rules.of_options(pycolmap.IncrementalPipelineOptions())
    assert rules.beginning == first_pair.Rules()
    assert rules.placing == resection.Rules()
    assert rules.showing == tracks.Rules()
    assert rules.narrow == tracks.Rules(least_angle=0.5, least_kept=0.5)
    assert rules.again == tracks.Rules(create=5.0, follow=5.0)
    assert rules.few_common == 0.2
    assert rules.most_trials == 3


def test_those_of_a_preset_are_heeded(tmp_path: Path) -> None:
    bench = Workbench(tmp_path, tmp_path / "photos", SfmOptions(device="cpu"), 1)
    rules = round_rules.of_options(incremental_options(MapperPreset(low_angles=True), bench, mapping.ONE_THREAD))
    assert rules.beginning.min_angle == 4.0
    assert rules.showing.least_angle == rules.showing.least_kept == 0.5
    assert rules.focal_ratios == (0.2, 8.0)

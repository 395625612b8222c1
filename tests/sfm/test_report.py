"""What report.json says of a reconstruction."""

from __future__ import annotations

import json
from pathlib import Path

from support import photo_sets
from support.match_graphs import match_graph
from support.reconstructions import cloud, group, model

from splatworker.sfm.gate import Inspection
from splatworker.sfm.ladder import Attempt
from splatworker.sfm.report import SfmResult, write_report

RESULT = SfmResult(
    photos=13,
    registered=12,
    rejected=(("12.jpg", "It is blurred."),),
    points=300,
    reprojection_error_px=0.5,
    track_length=11.0,
    overlap=11.0,
    rung="incremental",
    engines={"mapping": "colmap", "polish": "own"},
    warnings=("One photo was left out.",),
    timings={"mapping": 1.25},
)


def test_a_photo_that_was_left_out_has_its_reason() -> None:
    told = RESULT.to_event()
    assert told["rejected"] == [{"name": "12.jpg", "reason": "It is blurred."}]
    assert told["warnings"] == ["One photo was left out."]
    assert told["timings"] == {"mapping": 1.25}
    json.dumps(told)


def test_cameras_attempts_and_pairs_are_told(tmp_path: Path) -> None:
    found = model(photo_sets.arc(12), cloud())
    alone = group(1, has_prior=False)  # none of whose photos could be placed: COLMAP has dropped its camera
    attempts = [
        Attempt("fast", "draft", None, (), Inspection(faults=["it is flat"]), 0.126, "own"),
        Attempt("fast", "incremental", found, (), Inspection(), 2.0),
    ]
    write_report(tmp_path / "report.json", RESULT, found, [group(), alone], match_graph(12, {(1, 2): 40}), attempts)
    told = json.loads((tmp_path / "report.json").read_text())
    first, second = told["cameras"]
    assert (first["model"], first["params"]["f"], first["prior_focal"]) == ("SIMPLE_RADIAL", 560.0, 560.0)
    assert len(first["photos"]) == 12
    assert (second["model"], second["params"], second["prior_focal"]) == (None, {}, None)
    assert told["pairs"] == {"matched": 1, "verified": 1}
    assert [(attempt["rung"], attempt["registered"], attempt["seconds"]) for attempt in told["attempts"]] == [
        ("draft", 0, 0.13),
        ("incremental", 12, 2.0),
    ]
    assert [attempt["engine"] for attempt in told["attempts"]] == ["own", "colmap"]
    assert told["engines"] == {"mapping": "colmap", "polish": "own"}
    assert told["attempts"][0]["faults"] == ["it is flat"]
    assert told["attempts"][0]["bent"] == 0
    assert told["extent"] > 0

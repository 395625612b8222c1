"""Tests mirror the package: every module that decides something has a test file of its own."""

from __future__ import annotations

from pathlib import Path

import splatworker

PACKAGE, TESTS = Path(splatworker.__file__).parent, Path(__file__).parent

DRAWING = "held to the specification, and to each other, by render/test_parity.py"
DECLARATIONS = "declarations alone; train/test_options.py, contract/ and docs/parameters.md read them all"
AS_ONE_FORMAT = "a format's two functions; splat_files/test_formats.py takes every format through them"
FOR_VIEWS = "needs a scene that was drawn: export/test_for_views.py"
THE_CUT = "a part of the cut of an object; export/test_object_alone.py takes scenes with a known answer through it"
ON_A_GPU = "on a GPU of one thread, each kernel beside its twin: render/test_gpu_array.py"
RECORD = "a record, which decides nothing"

ELSEWHERE = {
    "__main__": "calls cli.main",
    "export/object_cli": "a command line; export/test_object_stage.py calls it",
    "export/page_and_report": "puts parts together; export/test_export.py makes both and looks at them",
    "export/render_budget": RECORD,
    "export/segmentation_weights": "a file and its hash; export/test_segmentation.py and commands/test_weights.py",
    "export/surfaces": THE_CUT,
    "export/votes": THE_CUT,
    "network/public_addresses": "every special network: faults/test_ssrf.py",
    "network/resolution": "what resolvers say: faults/test_ssrf.py",
    "photos/unusable": "an exception's name",
    "pipeline/records": RECORD,
    "render/cpu": DRAWING,
    "render/gpu_kernels": ON_A_GPU,
    "render/kernel_renderer": "what cuda and own_cuda share; " + DRAWING,
    "render/own_cuda": DRAWING,
    "render/reference": DRAWING,
    "sfm/delivery": "what is told of whole runs; sfm/test_reconstruct.py, sfm/test_failures.py, sfm/test_headers.py",
    "sfm/round_work": "what rounds works on; sfm/test_rounds.py",
    "sfm/undistort": "whole scenes; sfm/test_wide_lens.py, sfm/test_fisheye.py, sfm/test_panoramas.py",
    "sfm/workbench": RECORD,
    "splat_files/constant_colour": FOR_VIEWS,
    "splat_files/plain_ply": AS_ONE_FORMAT,
    "splat_files/sog_codec": AS_ONE_FORMAT,
    "splat_files/spz_codec": AS_ONE_FORMAT,
    "splat_files/spz_for_views": FOR_VIEWS,
    "train/dataset": "what train/test_loading.py, train/test_photos.py and train/test_light.py load",
    "train/out_of_memory": "of one process train/test_trainer.py, of several train/test_parallel.py",
    "train/own_options": DECLARATIONS,
    "train/preparation": "whole trainings begin with it; train/test_trainer.py",
    "train/refinement": "whole trainings; train/test_masks.py, train/test_passers_by.py, train/test_density.py",
    "train/resume": "whole trainings that go on; train/test_checkpoint.py",
    "train/training_options": DECLARATIONS,
    "train/unused_options": DECLARATIONS,
    "train/views": "what train/test_photos.py loads, train/test_masks.py and train/test_light.py train on",
    "train/whole_splat": "what train/test_backdrop.py finds delivered",
}
"""Modules without a test file of their name, and why."""


def modules() -> list[str]:
    found = (path.relative_to(PACKAGE).with_suffix("") for path in PACKAGE.rglob("*.py"))
    return sorted(module.as_posix() for module in found if module.name != "__init__")


def mirror_of(module: str) -> Path:
    return (TESTS / module).with_name(f"test_{Path(module).name}.py")


def test_every_module_has_a_test_file_or_a_reason() -> None:
    assert [module for module in modules() if not mirror_of(module).exists() and module not in ELSEWHERE] == []


def test_no_reason_is_stale() -> None:
    assert [module for module in ELSEWHERE if module not in modules() or mirror_of(module).exists()] == []

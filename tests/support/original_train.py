"""A stand-in for the original `train.py`: its command line, strictly parsed, and its model folder.

Only names, types and switches of the options are the original's; nothing is trained.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from support.plain_files import write_haze  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name, short in {"source_path": "-s", "model_path": "-m", "images": "-i", "depths": "-d"}.items():
        parser.add_argument(short, f"--{name}", type=str, default="")
    parser.add_argument("-r", "--resolution", type=int, default=-1)
    parser.add_argument("-w", "--white_background", action="store_true")
    for name in [
        "iterations",
        "position_lr_max_steps",
        "densification_interval",
        "opacity_reset_interval",
        "densify_from_iter",
        "densify_until_iter",
        "exposure_lr_delay_steps",
        "sh_degree",
        "port",
        "debug_from",
    ]:
        parser.add_argument(f"--{name}", type=int)
    for name in [
        "position_lr_init",
        "position_lr_final",
        "position_lr_delay_mult",
        "feature_lr",
        "opacity_lr",
        "scaling_lr",
        "rotation_lr",
        "exposure_lr_init",
        "exposure_lr_final",
        "exposure_lr_delay_mult",
        "percent_dense",
        "lambda_dssim",
        "densify_grad_threshold",
        "depth_l1_weight_init",
        "depth_l1_weight_final",
    ]:
        parser.add_argument(f"--{name}", type=float)
    for name in [
        "eval",
        "train_test_exp",
        "convert_SHs_python",
        "compute_cov3D_python",
        "debug",
        "antialiasing",
        "random_background",
        "quiet",
        "disable_viewer",
        "detect_anomaly",
    ]:
        parser.add_argument(f"--{name}", action="store_true")
    for name in ("data_device", "optimizer_type", "ip", "start_checkpoint"):
        parser.add_argument(f"--{name}", type=str)
    for name in ("test_iterations", "save_iterations", "checkpoint_iterations"):
        parser.add_argument(f"--{name}", nargs="+", type=int, default=[])
    options = parser.parse_args()
    if told := os.environ.get("INRIA_TEST_TOLD"):
        Path(told).write_text(json.dumps(vars(options)))
    if how := os.environ.get("INRIA_TEST_FAULT"):
        sys.exit(how)
    assert (Path(options.source_path) / "sparse" / "0").is_dir()
    for percent in range(0, 101, 10):
        sys.stderr.write(f"\rTraining progress: {percent:3d}%|####      | {percent}/100 [00:00<00:00, Loss=0.1]")
    for iteration in options.save_iterations:
        folder = Path(options.model_path) / "point_cloud" / f"iteration_{iteration}"
        write_haze(folder / "point_cloud.ply", 40, options.sh_degree)
    if options.eval and options.iterations in options.test_iterations:
        sys.stderr.write(f"\n[ITER {options.iterations}] Evaluating test: L1 0.03 PSNR 24.56789\n")


if __name__ == "__main__":
    main()

"""The command line of `splatworker train`: the original `train.py`'s names, short forms and defaults, and a few more.

No torch here: the worker process reads the defaults.
"""

from __future__ import annotations

import argparse
import math
import secrets
from dataclasses import dataclass, field, fields
from pathlib import Path


@dataclass
class Options:
    """Everything a training run depends on. Names and defaults are the original trainer's unless said otherwise.

    Raises:
        ValueError: a number is out of its range.
    """

    source_path: Path
    """The scene folder."""
    model_path: Path
    """The model folder to write."""
    images: str = "images"
    """The scene's folder of photos."""
    resolution: int = -1
    """1, 2, 4, 8 divide; -1 shrinks photos wider than 1600 px to that; else a width in pixels."""
    white_background: bool = False
    sh_degree: int = 3
    eval: bool = False
    """Hold out every 8th photo, and report PSNR and SSIM on it."""

    iterations: int = 30_000
    position_lr_init: float = 0.00016
    """Per unit of the scene's extent, as is `position_lr_final`."""
    position_lr_final: float = 0.0000016
    position_lr_max_steps: int = 30_000
    feature_lr: float = 0.0025
    opacity_lr: float = 0.025
    scaling_lr: float = 0.005
    rotation_lr: float = 0.001
    percent_dense: float = 0.01
    lambda_dssim: float = 0.2
    densification_interval: int = 100
    opacity_reset_interval: int = 3000
    densify_from_iter: int = 500
    densify_until_iter: int = 15_000
    densify_grad_threshold: float = 0.0002
    random_background: bool = False

    test_iterations: list[int] = field(default_factory=lambda: [7000, 30_000])
    save_iterations: list[int] = field(default_factory=lambda: [7000, 30_000])
    checkpoint_iterations: list[int] = field(default_factory=list)
    start_checkpoint: Path | None = None
    quiet: bool = False

    device: str = "auto"
    """Ours. auto, cpu or cuda."""
    seed: int = 0
    """Ours."""
    max_gaussians: int = 0
    """Ours. Density control adds no more than this; 0 for no bound."""
    coarse_iterations: int = 0
    """Ours. So many first iterations see shrunk photos: half of them at a quarter of the size, half at half."""
    density: str = "original"
    """Ours. original: Kerbl et al. 2023; revised: without resets of the opacities, and with fewer Gaussians."""
    opacity_resets: bool = False
    """Ours. The revised density control resets opacities every `opacity_reset_interval`, too."""
    final_rate: float = 1.0
    """Ours. Over the last third all rates but the positions' fall to this share of themselves."""
    dropout: float = 0.0
    """Ours. The share of Gaussians that a step leaves out at random, growing from none to this at the last one."""
    sh_degree_interval: int = 1000
    """Ours. Iterations after which the spherical harmonics gain a degree."""
    deterministic: bool = False
    """Ours. A GPU gives the same splat to the bit every time, at a tenth more time; a CPU does so anyway."""
    json: bool = False
    """Ours. Report as JSON lines on the standard output."""

    def __post_init__(self) -> None:
        at_least = {
            "sh_degree": 0,
            "iterations": 1,
            "position_lr_max_steps": 1,
            "densification_interval": 1,
            "opacity_reset_interval": 1,
            "sh_degree_interval": 1,
            "max_gaussians": 0,
            "coarse_iterations": 0,
            "seed": 0,
            **dict.fromkeys(_RATES, 0),
        }
        for name, least in at_least.items():
            value = getattr(self, name)
            if not math.isfinite(value):
                raise ValueError(f"--{name} must be finite")
            if value < least:
                raise ValueError(f"--{name} must be at least {least}")
        if self.sh_degree > 3:
            raise ValueError("--sh_degree must be at most 3")
        if self.position_lr_init <= 0 or self.position_lr_final <= 0:
            raise ValueError("--position_lr_init and --position_lr_final must be positive")
        if self.density not in DENSITIES:
            raise ValueError(f"--density must be {' or '.join(DENSITIES)}")
        if not 0 < self.final_rate <= 1:
            raise ValueError("--final_rate must be above 0 and at most 1")
        if not 0 <= self.dropout < 1:
            raise ValueError("--dropout must be at least 0 and below 1")
        if self.lambda_dssim > 1:
            raise ValueError("--lambda_dssim must be at most 1")
        if self.resolution == 0 or self.resolution < -1:
            raise ValueError("--resolution must be -1 or positive")


DENSITIES = ("original", "revised")

_RATES = (
    "position_lr_init",
    "position_lr_final",
    "feature_lr",
    "opacity_lr",
    "scaling_lr",
    "rotation_lr",
    "percent_dense",
    "lambda_dssim",
    "densify_grad_threshold",
)

UNUSED: dict[str, int | float | str | bool] = {
    "depths": "",
    "data_device": "cuda",
    "train_test_exp": False,
    "convert_SHs_python": False,
    "compute_cov3D_python": False,
    "debug": False,
    "antialiasing": False,
    "position_lr_delay_mult": 0.01,
    "exposure_lr_init": 0.01,
    "exposure_lr_final": 0.001,
    "exposure_lr_delay_steps": 0,
    "exposure_lr_delay_mult": 0.0,
    "depth_l1_weight_init": 1.0,
    "depth_l1_weight_final": 0.01,
    "optimizer_type": "default",
    "disable_viewer": False,
    "ip": "127.0.0.1",
    "port": 6009,
    "debug_from": -1,
    "detect_anomaly": False,
}
"""Options of the original that change nothing here, with their defaults. (`position_lr_delay_mult` changes nothing in
the original either: no option sets the number of steps that it would delay.)"""

_SHORT = {
    "source_path": "-s",
    "model_path": "-m",
    "images": "-i",
    "resolution": "-r",
    "white_background": "-w",
    "depths": "-d",
}


def parse(argv: list[str]) -> tuple[Options, list[str]]:
    """The options of a command line, and the names of given options that change nothing.

    Leaves through argparse's SystemExit with status 2 when the command line is wrong.
    """
    parser = build_parser()
    given = vars(parser.parse_args(argv))
    unused = [name for name in UNUSED if given.pop(name) not in (None, UNUSED[name])]
    unused = [name for name in unused if name != "disable_viewer"]  # there is none, so it is obeyed
    if given["model_path"] is None:
        given["model_path"] = Path("output") / secrets.token_hex(5)
    try:
        options = Options(**given)
    except ValueError as error:
        parser.error(str(error))
    options.source_path = options.source_path.absolute()
    options.model_path = options.model_path.absolute()
    return options, unused


def build_parser() -> argparse.ArgumentParser:
    """The parser, made from the fields of `Options`: every field an option of its name and default."""
    parser = argparse.ArgumentParser(
        prog="splatworker train",
        description="Train a Gaussian splat from a COLMAP scene folder. Takes the options of the original train.py.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("-s", "--source_path", type=Path, required=True, help="the scene folder")
    parser.add_argument("-m", "--model_path", type=Path, help="the model folder to write; output/<random> if left out")
    parser.add_argument("--start_checkpoint", type=Path, help="resume from a chkpnt file of this trainer")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto", help="what to train on")
    for option in fields(Options):
        names = [*([_SHORT[option.name]] if option.name in _SHORT else []), f"--{option.name}"]
        if option.name in ("source_path", "model_path", "start_checkpoint", "device"):
            continue
        if option.type == "bool":
            parser.add_argument(*names, action="store_true", default=False, help=" ")
        elif option.type == "list[int]":
            assert callable(option.default_factory)
            parser.add_argument(*names, nargs="+", type=int, default=option.default_factory(), help=" ")
        else:
            kind = {"int": int, "float": float, "str": str}[str(option.type)]
            parser.add_argument(*names, type=kind, default=option.default, help=" ")
    ignored = parser.add_argument_group("accepted, of the original trainer, without effect here")
    for name, default in UNUSED.items():
        names = [*([_SHORT[name]] if name in _SHORT else []), f"--{name}"]
        if isinstance(default, bool):
            ignored.add_argument(*names, action="store_true", default=False, help=argparse.SUPPRESS)
        else:
            ignored.add_argument(*names, type=type(default), default=default, help=argparse.SUPPRESS)
    return parser

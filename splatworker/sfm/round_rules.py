"""The thresholds of mapping in rounds: those of the options that COLMAP's mapper would take."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from splatworker.sfm import first_pair, resection, tracks
from splatworker.sfm.colmap import pycolmap

NARROW = 0.5
"""Degrees under which a point's rays must meet where points of wider rays alone leave photos out: those of COLMAP's
mapper under low angles (`mapping`)."""


@dataclass(frozen=True)
class Rules:
    """When each step believes what it finds.

    Attributes:
        beginning: of the first pair.
        placing: of a photo's camera.
        showing: of tracks and points.
        narrow: the same where points of wider rays lead to no further photo.
        again: the same as `showing` for pairs of which a smaller share than `few_common` has common points, at the end.
        most_trials: how often a photo's camera is looked for.
        focal_ratios: the least and the largest focal length, as a share of the photo's longer side.
        most_bent: the largest parameter of a lens's distortion.
    """

    beginning: first_pair.Rules
    placing: resection.Rules
    showing: tracks.Rules
    narrow: tracks.Rules
    again: tracks.Rules
    few_common: float
    most_trials: int
    focal_ratios: tuple[float, float]
    most_bent: float


def of_options(options: pycolmap.IncrementalPipelineOptions) -> Rules:
    """COLMAP's options as ours."""
    mapper, triangulation = options.get_mapper(), options.get_triangulation()
    showing = tracks.Rules(
        create=triangulation.create_max_angle_error,
        follow=triangulation.continue_max_angle_error,
        least_angle=triangulation.min_angle,
        max_error=mapper.filter_max_reproj_error,
        least_kept=mapper.filter_min_tri_angle,
        transitivity=triangulation.complete_max_transitivity,
    )
    wide = triangulation.re_max_angle_error
    return Rules(
        first_pair.Rules(
            mapper.init_min_num_inliers,
            mapper.init_min_tri_angle,
            mapper.init_max_forward_motion,
            triangulation.min_angle,
        ),
        resection.Rules(mapper.abs_pose_max_error, mapper.abs_pose_min_num_inliers, mapper.abs_pose_min_inlier_ratio),
        showing,
        dataclasses.replace(showing, least_angle=NARROW, least_kept=NARROW),
        dataclasses.replace(showing, create=wide, follow=wide),
        triangulation.re_min_ratio,
        mapper.max_reg_trials,
        (mapper.min_focal_length_ratio, mapper.max_focal_length_ratio),
        mapper.max_extra_param,
    )

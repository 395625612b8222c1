"""The report's charts."""

from __future__ import annotations

import numpy as np
import pytest
from support.pages import Page

from splatworker.export.charts import line_chart, map_from_above, ticks, time_bar


def test_charts_of_nothing_are_nothing() -> None:
    assert line_chart({}, "x", "y") == ""
    assert line_chart({"a": [(1, float("nan")), (2, 1.0)]}, "x", "y") == ""
    assert time_bar({}) == ""


def test_a_line_goes_through_its_points() -> None:
    chart = line_chart({"a": [(0, 0.0), (10, 10.0)]}, "x", "y")
    (points,) = [attributes["points"] for tag, attributes in Page(chart).tags if tag == "polyline"]
    (x0, y0), (x1, y1) = (map(float, pair.split(",")) for pair in str(points).split())
    assert x0 < x1
    assert y0 > y1  # up is more


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3, 7), (0.001, 0.0012), (5, 5), (1e6, 3e6)])
def test_ticks_are_round_and_enclose(low: float, high: float) -> None:
    found = ticks(low, high)
    assert found[0] <= low
    assert found[-1] >= high
    assert 2 <= len(found) <= 8


def test_the_map_shows_where_cameras_look() -> None:
    chart = map_from_above(np.zeros((0, 3)), np.array([[0.0, 0, 3], [0, 0, -3]]), np.array([[0.0, 0, -1], [0, 0, 1]]),
                           [False, True])  # fmt: skip
    first, second = (str(a["d"]) for a in Page(chart).all("path") if "camera" in str(a.get("class")))
    y_of = [float(path.split("l")[0].split()[1]) for path in (first, second)]
    assert y_of[0] > y_of[1]  # z towards the reader: down
    assert "-" in first.split("l")[1].split()[1].split("L")[0]  # and it looks up the page, to the middle

"""What a stage says is news or noise, and has a bound."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.stage_runs import run

from splatworker.errors import SplatError
from splatworker.stages import follow
from splatworker.stages.progress import Overall

LINES = [
    '{"event": "progress", "fraction": 1' + "0" * 400 + "}",
    '{"event": "progress", "fraction": NaN}',
    '{"event": "progress", "fraction": Infinity, "step": "x"}',
    '{"event": "progress", "fraction": -1e308}',
    '{"event": "progress", "fraction": 0.5, "step": {"a": 1}}',
    '{"event": ' + "[" * 100_000,
    '{"event": ' * 50_000,
    '{"event": "exit", "signal": "nine", "peak_rss_bytes": 1, "cpu_seconds": 1, "over_memory": false}',
    '{"event": "exit", "signal": 0, "peak_rss_bytes": "much", "cpu_seconds": null, "over_memory": 1}',
    '{"event": "exit"}',
    '{"event": "result", "result": []}',
    '{"event": "result"}',
    '{"event": "warning", "message": 5}',
    '{"event": "unrestricted"}',
    '{"event": null}',
    '{"event": 1' + "0" * 5000 + "}",
    "{}",
    "{",
    '{"\ud83d": "\\ud83d"}',
]
"""What a stage that was taken over might say."""


def test_lines_that_are_no_news_are_noise(tmp_path: Path) -> None:
    (tmp_path / "lines").write_bytes("\n".join(LINES).encode("utf-8", "surrogatepass"))
    report = Overall([], {"photos": 1.0})
    code = (
        "import sys; sys.stdout.buffer.write(open('lines', 'rb').read() + b'\\n' "
        '+ b\'{"event": "result", "result": {"done": 1}}\\n\')'
    )
    ended = run(tmp_path, code, report=report.stage("photos"))
    assert ended["done"] == 1
    assert ended["process"]["cpu_seconds"] >= 0
    assert report.warnings == []


def test_a_stage_that_warns_without_end_is_heard_no_more(tmp_path: Path) -> None:
    report = Overall([], {"photos": 1.0})
    code = (
        "import json\n"
        "for number in range(4_000):\n"
        '    print(json.dumps({"event": "warning", "message": f"{number}" + "x" * 20_000}))\n'
        'print(json.dumps({"event": "error", "code": ["x"], "message": "y" * 1_000_000, "hint": {}}))\n'
    )
    with pytest.raises(SplatError) as caught:
        run(tmp_path, code, report=report.stage("photos"))
    assert len(report.warnings) <= 1000
    assert max(map(len, report.warnings)) <= follow.MESSAGE_LIMIT
    assert len(caught.value.message) <= follow.MESSAGE_LIMIT

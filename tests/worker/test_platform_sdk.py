"""The platform's SDK is there without its second of measuring the processor, and without its command line."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from splatworker.worker import platform_sdk

ASKED = """
import cpuinfo, sys
def measures():
    raise SystemExit("the SDK has had the processor measured")
cpuinfo.get_cpu_info = measures
from splatworker.worker import platform_sdk
runpod = platform_sdk.imported()
assert runpod is sys.modules["runpod"] and callable(runpod.serverless.start)
from runpod.serverless.utils import rp_debugger
assert rp_debugger.PROCESSOR == platform_sdk.processor_name(), rp_debugger.PROCESSOR
assert cpuinfo.get_cpu_info is measures  # for whoever else asks
"""

UNUSED = """
import sys
from splatworker.worker import platform_sdk
finders = list(sys.meta_path)
platform_sdk.imported()
assert sys.meta_path == finders
loaded = {"paramiko.transport", "invoke", "tomlkit.api"} & sys.modules.keys()
assert not loaded, f"{loaded}: see WHEN_ASKED"
import paramiko, tomlkit  # for whoever asks
assert paramiko.SSHClient().get_host_keys() == {} and tomlkit.parse("a = 1")["a"] == 1
assert {"paramiko.transport", "tomlkit.api"} <= sys.modules.keys()
"""

WITHOUT = """
import sys, types
sys.modules["cpuinfo"] = None  # an SDK that needs it no more
sys.modules["runpod"] = types.ModuleType("runpod")
from splatworker.worker import platform_sdk
assert platform_sdk.imported() is sys.modules["runpod"]
"""


@pytest.mark.parametrize("code", [ASKED, WITHOUT, UNUSED], ids=["asked", "without it", "unused parts"])
def test_nothing_is_measured_and_nothing_loaded_that_no_worker_uses(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr


def test_a_processors_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "cpuinfo"
    monkeypatch.setattr(platform_sdk, "CPUINFO", file)
    file.write_text("processor\t: 0\nmodel name\t: Best: of 2 GHz\nmodel name\t: Other\n")
    assert platform_sdk.processor_name() == "Best: of 2 GHz"
    monkeypatch.setattr(platform, "processor", lambda: "")
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    for nothing in ("processor\t: 0\n", "model name\t:\n"):
        file.write_text(nothing)
        assert platform_sdk.processor_name() == "aarch64"
    file.unlink()
    assert platform_sdk.processor_name() == "aarch64"

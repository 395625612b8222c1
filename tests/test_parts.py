"""What the image is made of: locked, licensed, listed."""

from __future__ import annotations

import contextlib
import io
import json
import re
import runpy
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCKS = sorted((ROOT / "docker").glob("*.lock"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
RULES = tomllib.loads((ROOT / "scripts" / "licences.toml").read_text())


def locked(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==(\S+) \\$", (ROOT / "docker" / name).read_text(), re.MULTILINE))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_every_locked_file_has_a_hash_and_no_address(lock: Path) -> None:
    text = lock.read_text()
    blocks = re.split(r"^(?=\S)", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE), flags=re.MULTILINE)[1:]
    assert blocks
    for block in blocks:
        assert re.fullmatch(r"[\w.-]+==\S+( \\\n +--hash=sha256:[0-9a-f]{64})+\n*", block), block[:200]
    assert "://" not in text


def test_the_lock_is_what_the_project_asks_for() -> None:
    project = PROJECT["project"]
    more = project["optional-dependencies"]
    versions = locked("requirements.lock")
    for line in project["dependencies"] + more["colmap"] + more["worker"]:
        wanted = Requirement(line)
        assert wanted.name != "torch", "an extra: on a CPU nothing needs it"
        name = canonicalize_name(wanted.name)
        assert name in versions, f"{line}: run scripts/lock"
        assert wanted.specifier.contains(versions[name]), f"{line}, locked {versions[name]}: run scripts/lock"
    for line in PROJECT["build-system"]["requires"]:
        wanted = Requirement(line)
        assert wanted.specifier.contains(locked("build.lock")[canonicalize_name(wanted.name)]), (
            f"{line}: run scripts/lock"
        )


@pytest.mark.parametrize("lock", [p.name for p in LOCKS if p.name.startswith("torch-")])
def test_torch_shares_its_parts_with_the_rest(lock: str) -> None:
    own, rest = locked(lock), locked("requirements.lock")
    assert own["torch"] == lock.removeprefix("torch-").removesuffix(".lock")
    assert {name: (own[name], rest[name]) for name in own.keys() & rest.keys() if own[name] != rest[name]} == {}


def test_build_installs_with_hashes_alone() -> None:
    text = (ROOT / "Dockerfile").read_text() + (ROOT / "docker" / "build-inria.sh").read_text()
    installs = [
        line for line in re.sub(r"\\\n", " ", text).splitlines() if "pip install" in line or "$pip install" in line
    ]
    for command in (
        part for line in installs for part in re.split(r"&&|;", line) if "pip install" in part or "$pip" in part
    ):
        assert "--require-hashes" in command or "--no-deps" in command, command


def test_every_base_of_the_image_is_pinned_or_named_by_who_builds() -> None:
    text = (ROOT / "Dockerfile").read_text()
    arguments = dict(re.findall(r"^ARG (\w+)=(\S+)$", text.partition("FROM ")[0], re.MULTILINE))
    stages: list[str] = []
    for base, stage in re.findall(r"^FROM (\S+) AS (\w+)$", text, re.MULTILINE):
        named = re.sub(r"^\$\{(\w+)\}$", lambda match: arguments[match[1]], base)
        pinned = re.fullmatch(r"[a-z]+:[\w.-]+@sha256:[0-9a-f]{64}", named)
        assert pinned or named in {*stages, "scratch"}, f"{stage} is built on {named}"
        stages.append(stage)
    assert text.count("\nFROM ") == len(stages) > 5
    assert set(re.findall(r"--from=(\w+)", text)) <= set(stages)


def test_each_torch_that_build_sh_names_has_a_lock() -> None:
    named = set(re.findall(r"TORCH=([\d.]+)", (ROOT / "build.sh").read_text() + (ROOT / "Dockerfile").read_text()))
    assert {f"torch-{version}.lock" for version in named} == {p.name for p in LOCKS if p.name.startswith("torch-")}


def install(
    folder: Path, name: str, *, version: str = "1.0", files: dict[str, bytes] | None = None, **fields: str
) -> None:
    """Lay a distribution into a folder as an installer would."""
    info = f"{name}-{version}.dist-info"
    metadata = Message()
    for key, value in {"Metadata-Version": "2.4", "Name": name, "Version": version, **fields}.items():
        metadata[key.replace("_", "-")] = value
    contents = {f"{info}/METADATA": metadata.as_bytes(), **(files or {})}
    contents[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in contents).encode()
    for path, content in contents.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


@pytest.fixture(autouse=True)
def at_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """A script's folder on the path, its words and its clock are this test's alone."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "argv", [*sys.argv])
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")


def script(name: str, words: tuple[object, ...]) -> dict[str, Any]:
    sys.argv[1:] = map(str, words)
    return runpy.run_path(str(ROOT / "scripts" / name), run_name="imported")


def check(*words: object) -> tuple[int, str]:
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        status = script("check-licences", words)["main"]()
    return status, said.getvalue()


def test_licences_of_this_environment_are_allowed() -> None:
    assert check() == (0, "")


@pytest.mark.parametrize(
    "licence",
    ["MIT", "MIT OR CC-BY-NC-4.0", "(MIT OR GPL-3.0-only) AND BSD-3-Clause", "Apache-2.0 WITH LLVM-exception AND Zlib"],
)
def test_an_expression_that_can_be_met(tmp_path: Path, licence: str) -> None:
    install(tmp_path, "thing", License_Expression=licence)
    assert check(tmp_path) == (0, "")


@pytest.mark.parametrize(
    "licence",
    [
        "CC-BY-NC-4.0",
        "MIT AND CC-BY-NC-4.0",
        "GPL-3.0-only",
        "MIT OR (",
        "MIT AND (GPL-3.0-only OR AGPL-3.0-only)",
        "MIT MIT",
    ],
)
def test_an_expression_that_cannot(tmp_path: Path, licence: str) -> None:
    install(tmp_path, "thing", License_Expression=licence)
    status, said = check(tmp_path)
    assert status == 1
    assert f"thing 1.0: its licence {licence}" in said


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({}, "is not known"),
        ({"License": "for friends"}, "is not known"),
        ({"License_Expression": "CC-BY-NC-4.0"}, "forbids commercial use"),
        ({"License_Expression": "LicenseRef-Research-Only"}, "forbids commercial use"),
        ({"License_Expression": "AGPL-3.0-only"}, "is not on the list"),
    ],
)
def test_what_is_refused_and_why(tmp_path: Path, fields: dict[str, Any], word: str) -> None:
    install(tmp_path, "thing", **fields)
    status, said = check(tmp_path)
    assert (status, word in said) == (1, True)


def test_licences_by_classifier_and_by_other_names(tmp_path: Path) -> None:
    install(tmp_path, "one", Classifier="License :: OSI Approved :: MIT License")
    install(tmp_path, "two", License="Apache 2.0")
    assert check(tmp_path) == (0, "")


def test_a_library_or_program_in_a_wheel_that_nobody_named(tmp_path: Path) -> None:
    install(tmp_path, "thing", License="MIT", files={"thing.libs/libsecret-0a1b2c3d.so.1": b"x"})
    install(
        tmp_path,
        "other",
        License="MIT",
        files={"other/binaries/tool-linux": b"x", "other/_own.cpython-311-x86_64.so": b""},
    )
    status, said = check(tmp_path)
    assert status == 1
    assert "libsecret libsecret-0a1b2c3d.so.1 in thing: its licence is not known" in said
    assert "tool tool-linux in other: its licence is not known" in said
    assert said.count("check-licences:") == 2


def test_an_exception_holds_where_it_was_made_and_nowhere_else(tmp_path: Path) -> None:
    install(tmp_path / "a", "pi-heif", License="BSD-3-Clause", files={"pi_heif.libs/libde265-0a1b2c3d.so.0": b"x"})
    install(tmp_path / "b", "thing", License="MIT", files={"thing.libs/libde265-0a1b2c3d.so.0": b"x"})
    assert check(tmp_path / "a") == (0, "")
    assert "libde265" in check(tmp_path / "b")[1]


def test_what_a_distribution_tells_of_its_own_parts(tmp_path: Path) -> None:
    told = {"components": [{"name": "crate", "version": "2", "licenses": [{"expression": "CC-BY-NC-4.0"}]}]}
    told["components"].append(
        {"name": "not-built-in", "scope": "optional", "licenses": [{"expression": "GPL-3.0-only"}]}
    )
    install(tmp_path, "thing", License="MIT", files={"thing-1.0.dist-info/sboms/a.cdx.json": json.dumps(told).encode()})
    status, said = check(tmp_path)
    assert (status, "crate 2 in thing" in said, "not-built-in" in said) == (1, True, False)


def test_nothing_to_check_is_a_fault(tmp_path: Path) -> None:
    assert check(tmp_path)[0] == 1


def debian(root: Path, section: str) -> Path:
    (root / "var/lib/dpkg").mkdir(parents=True)
    (root / "usr/share/doc/thing").mkdir(parents=True)
    (root / "usr/share/doc/thing/copyright").write_text("Files: *\nLicense: GPL-2+\n")
    (root / "var/lib/dpkg/status").write_text(
        f"Package: thing\nStatus: install ok installed\nSection: {section}\nArchitecture: amd64\nVersion: 1:2-3\n\n"
        "Package: gone\nStatus: deinstall ok config-files\nSection: libs\nArchitecture: amd64\nVersion: 1\n"
    )
    return root


def test_debian_is_listed_and_its_non_free_refused(tmp_path: Path) -> None:
    install(tmp_path / "site", "thing", License="MIT")
    assert check("--system", debian(tmp_path / "main", "libs"), tmp_path / "site") == (0, "")
    status, said = check("--system", debian(tmp_path / "other", "non-free/libs"), tmp_path / "site")
    assert (status, "thing 1:2-3: Debian does not count it as free" in said) == (1, True)


def sbom(*words: object) -> dict[str, Any]:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        script("sbom", words)["main"]()
    made: dict[str, Any] = json.loads(said.getvalue())
    return made


def test_the_bill_of_an_image(tmp_path: Path) -> None:
    install(tmp_path / "site", "pi-heif", License="BSD-3-Clause", files={"pi_heif.libs/libde265-0a1b2c3d.so.0": b"x"})
    words = ("--system", debian(tmp_path / "main", "libs"), tmp_path / "site")
    bill = sbom(*words)
    assert (bill["bomFormat"], bill["specVersion"], bill["metadata"]["timestamp"]) == (
        "CycloneDX",
        "1.6",
        "1970-01-01T00:00:00Z",
    )
    found = {part["name"]: part for part in bill["components"]}
    assert found["pi-heif"]["purl"] == "pkg:pypi/pi-heif@1.0"
    assert found["libde265"]["licenses"] == [{"expression": "LGPL-3.0-or-later"}]
    properties = {row["name"]: row["value"] for row in found["libde265"]["properties"]}
    assert properties["splatworker:part of"] == "pi-heif"
    assert properties["splatworker:allowed because"]
    assert found["thing"]["purl"] == "pkg:deb/debian/thing@1:2-3?arch=amd64"
    assert found["thing"]["licenses"] == [{"license": {"name": "GPL-2+"}}]
    assert "gone" not in found
    assert sbom(*words) == bill


def test_the_bill_of_a_wheel(tmp_path: Path) -> None:
    wheel = tmp_path / "splatworker-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(
            "splatworker-1.0.dist-info/METADATA",
            "Metadata-Version: 2.4\nName: splatworker\nVersion: 1.0\nLicense-Expression: Apache-2.0\n"
            "Requires-Dist: numpy<3,>=2.0\nRequires-Dist: pycolmap==4.2.1; extra == 'colmap'\n",
        )
    bill = sbom("--wheel", wheel)
    assert bill["metadata"]["component"]["purl"] == "pkg:pypi/splatworker@1.0"
    found = {part["name"]: part for part in bill["components"]}
    assert {"nanobind", "playcanvas", "numpy", "pycolmap"} <= found.keys()
    assert "licenses" not in found["numpy"]  # whichever version is installed says it


def test_versions_that_the_rules_repeat() -> None:
    compiled = {row["name"]: row.get("version") for row in RULES["compiled_in"] if row["into"] == "splatworker"}
    assert f"nanobind=={compiled['nanobind']}" in PROJECT["build-system"]["requires"]
    packages = json.loads((ROOT / "viewer" / "package-lock.json").read_text())["packages"]
    assert packages["node_modules/@playcanvas/supersplat-viewer"]["version"] == compiled["supersplat-viewer"]
    assert packages["node_modules/playcanvas"]["version"] == compiled["playcanvas"]


def test_each_exception_has_a_reason_and_a_place_in_the_notice() -> None:
    notice = " ".join((ROOT / "NOTICE").read_text().split())
    words = {
        "ffmpeg": "FFmpeg, GPL-3.0-or-later", "suitesparse-*": "CHOLMOD's Supernodal module and SPQR",
        "libde265": "x265, GPL-2.0-or-later",
        "lib*": "libheif, libde265", "libraw_r": "LibRaw", "libquadmath": "libquadmath", "paramiko": "paramiko",
        "nvidia-*": "NVIDIA's agreements",
    }  # fmt: skip
    for row in RULES["exceptions"]:
        assert len(row["why"]) > 20
        assert words[row["part"]] in notice


def tree(folder: Path, **files: str) -> Path:
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o644)
    return folder


def compare(a: Path, b: Path) -> tuple[int, str]:
    done = subprocess.run([ROOT / "docker" / "compare-images.sh", a, b], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_trees_that_are_the_same_but_for_times(tmp_path: Path) -> None:
    a, b = tree(tmp_path / "a", x="1", y="2"), tree(tmp_path / "b", y="2", x="1")
    (a / "x").touch()
    status, said = compare(a, b)
    assert (status, said.splitlines()[-1]) == (0, "the same")
    with tarfile.open(tmp_path / "b.tar", "w") as archive:
        archive.add(b, ".")
    assert compare(a, tmp_path / "b.tar")[0] == 0


def test_trees_that_differ(tmp_path: Path) -> None:
    a, b = tree(tmp_path / "a", x="1", y="22", z=""), tree(tmp_path / "b", y="23", z="", new="abc")
    (b / "z").chmod(0o600)
    (a / "way").symlink_to("x")
    (b / "way").symlink_to("y")
    status, said = compare(a, b)
    assert status == 1
    assert "only in A: /x (1 bytes)" in said
    assert "only in B: /new (3 bytes)" in said
    assert "different: /y: content " in said
    assert "different: /z: mode 0644 and 0600" in said
    assert "different: /way: content x and y" in said
    assert said.splitlines()[-1] == "5 paths differ"

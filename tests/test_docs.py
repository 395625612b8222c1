"""The documents name everything that there is, as it is."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
import sys
from pathlib import Path

import annotated_types
import pytest

from splatworker.contract.job import Job
from splatworker.contract.params import Params
from splatworker.errors import SplatError, _family
from splatworker.machine.operator_limits import LIMITS
from splatworker.stages.process import MEMORY_SHARE

ROOT = Path(__file__).parents[1]


def rows(name: str) -> dict[str, list[str]]:
    """Every table row whose first cell is a name in backticks: its other cells."""
    text = (ROOT / "docs" / name).read_text()
    found = re.findall(r"^\| `(\w+)` \| (.*) \|$", text, re.MULTILINE)
    return {key: [cell.strip() for cell in re.split(r"(?<!\\)\|", rest)] for key, rest in found}


def test_every_param_with_its_default() -> None:
    documented = rows("parameters.md")
    for name, field in Params.model_fields.items():
        default = field.get_default()
        shown = {True: "true", False: "false"}.get(default) if isinstance(default, bool) else None
        assert documented[name][0] == (
            shown or (json.dumps(default) if isinstance(default, str | list) else repr(default))
        )
    for name in Job.model_fields.keys() - {"image_urls", "upload_url", "params"}:
        assert name in documented


@pytest.mark.parametrize("name", [n for n, f in Params.model_fields.items() if f.annotation in (int, float)])
def test_every_range(name: str) -> None:
    cell = rows("parameters.md")[name][1]
    for bound in Params.model_fields[name].metadata:
        if isinstance(bound, annotated_types.Le):
            assert cell.endswith(f"{bound.le:g}") or cell.endswith(str(bound.le))
        elif isinstance(bound, annotated_types.Gt):
            assert cell.startswith("above 0")
        elif isinstance(bound, annotated_types.Ge):
            assert cell.startswith(f"{bound.ge:g}")


def test_what_is_made_of_the_code_is_not_stale(tmp_path: Path) -> None:
    """And a change would be noticed, in each of the two."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "docs.py", tmp_path / "scripts")
    shutil.copytree(ROOT / "docs", tmp_path / "docs")

    def check() -> str:
        command = [sys.executable, str(tmp_path / "scripts" / "docs.py"), "--check"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == bool(done.stderr)
        return done.stderr

    assert check() == ""
    for name in ("parameters.md", "job.schema.json"):
        page = tmp_path / "docs" / name
        fresh = page.read_text()
        page.write_text(fresh.replace("Steps of training.", "Steps of dancing."))
        assert f"docs/{name} is stale" in check()
        page.write_text(fresh)


def test_every_error_code() -> None:
    codes = {error.code for error in _family(SplatError)}
    assert set(rows("troubleshooting.md")) == codes


def environment() -> set[str]:
    """Every variable of the environment that the code reads and that is ours."""
    sources = [*ROOT.glob("splatworker/**/*.py"), *ROOT.glob("kernels/**/*.c*"), ROOT / "handler.py"]
    found = (re.findall(r'"(SPLATWORKER_[A-Z_]+|INRIA_[A-Z_]+|SSL_CERT_FILE)"', path.read_text()) for path in sources)
    return {name for names in found for name in names}


def image_arguments() -> set[str]:
    return set(re.findall(r"^ARG (\w+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE))


def test_every_variable_of_the_environment() -> None:
    documented = set(rows("configuration.md")) - image_arguments()
    assert documented == environment()


def test_every_argument_of_the_image() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text()
    assert {name for name in image_arguments() if f"`{name}`" not in text} == set()


@pytest.mark.parametrize("page", ["README.md", "docs/runpod.md"])
def test_the_examples_name_fields_that_there_are(page: str) -> None:
    found = set()
    for block in re.findall(r"```js(?:on)?\n(.*?)```", (ROOT / page).read_text(), re.DOTALL):
        if example := re.search(r"\binput\"? ?[:=] ?\{\n(.*?)\n *\}", block, re.DOTALL):
            found |= set(re.findall(r"^ *\"?(\w+)\"?:", example[1], re.MULTILINE))
    assert {"image_urls", "upload_url", "params"} <= found <= Job.model_fields.keys()


def test_limits_are_the_codes() -> None:
    from splatworker.deliver import upload, webhook
    from splatworker.network import guard
    from splatworker.photos import fetch, picture
    from splatworker.photos.enough_photos import FEWEST_PHOTOS, MOST_PHOTOS
    from splatworker.worker import preflight

    text = (ROOT / "docs" / "configuration.md").read_text()
    for row in (
        f"| {FEWEST_PHOTOS} to {MOST_PHOTOS} |",
        f"| {fetch.AT_ONCE} |",
        f"at least | {picture.FEWEST_PIXELS_A_SIDE} |",
        f"| {guard.MOST_REDIRECTS}; none of an upload or a webhook |",
        f"| {fetch.TRIES}, {upload.TRIES}, {webhook.TRIES} |",
        f"| {upload.ANSWER_SECONDS:.0f}, {webhook.MOST_SECONDS_EACH:.0f} |",
        f"| {preflight.UPLOAD_LIFETIME_S:.0f} s |",
    ):
        assert row in text


@pytest.mark.parametrize("name", ["hub.json", "tests.json"])
def test_the_hub_offers_only_machines_that_the_fitness_check_takes(name: str) -> None:
    from splatworker.machine.gpu import LEAST_CUDA

    config = json.loads((ROOT / ".runpod" / name).read_text())["config"]
    assert config["gpuCount"] == 1
    versions = [tuple(int(part) for part in version.split(".")) for version in config["allowedCudaVersions"]]
    assert versions[0] == LEAST_CUDA
    assert versions == sorted(set(versions))
    assert {(12, minor) for minor in range(10)} | {(13, 0)} <= set(versions)  # an allow-list: what it lacks is excluded


def test_the_hub_sets_variables_that_there_are() -> None:
    env = json.loads((ROOT / ".runpod" / "hub.json").read_text())["config"]["env"]
    assert env
    assert {variable["key"] for variable in env} <= environment()


def test_the_hubs_tests_are_jobs_that_are_understood() -> None:
    for test in json.loads((ROOT / ".runpod" / "tests.json").read_text())["tests"]:
        assert test["input"] == {"self_test": True}


def test_limits_of_the_environment_with_their_defaults() -> None:
    documented = rows("configuration.md")
    for variable, limit in LIMITS.items():
        default = documented[variable][0]
        assert default == (
            f"{MEMORY_SHARE:.0%} of the machine's memory".replace("%", " %")
            if math.isinf(limit.default)
            else f"{limit.default:g}".replace("+", "")
            if limit.default > 1e9
            else f"{limit.default:.0f}"
        )


def test_the_defaults_are_in_force(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each constant that a limit sets, in a process whose environment says nothing, or something else."""
    program = (
        "from splatworker.pipeline import outputs as extra_outputs; "
        "from splatworker.pipeline import transfers as network_stages; "
        "from splatworker.deliver import upload; "
        "from splatworker.photos import fetch, sandbox; "
        "print(fetch.MOST_BYTES >> 20, fetch.MOST_BYTES_IN_ALL >> 20, fetch.MOST_SECONDS_EACH, fetch.MOST_SECONDS, "
        "upload.MOST_SECONDS, network_stages.WEBHOOK_SECONDS, sandbox.MOST_PIXELS // 10**6, sandbox.MOST_MEMORY >> 20, "
        "sandbox.MOST_SECONDS, extra_outputs.LONGEST_SECONDS)"
    )
    names = ("PHOTO_MIB", "PHOTOS_MIB", "PHOTO_S", "PHOTOS_S", "UPLOAD_S", "WEBHOOK_S", "MEGAPIXELS", "DECODER_MIB",
             "DECODER_S", "OUTPUTS_S")  # fmt: skip
    for told in ("", "7"):
        for name in names:
            monkeypatch.setenv(f"SPLATWORKER_{name}", told)
        printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
        wanted = [float(told) if told else LIMITS[f"SPLATWORKER_{name}"].default for name in names]
        assert [float(word) for word in printed.split()] == wanted


def test_the_house_in_the_readme_is_the_real_one() -> None:
    (tree,) = re.findall(r"## The house\n\n```\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    shown = {name for line in re.findall(r"^  ((?:[\w.]+/? +)+)", tree, re.MULTILINE) for name in line.split()}
    rooms = {f"{path.parent.name}/" for path in (ROOT / "splatworker").glob("*/__init__.py")}
    assert {name for name in shown if name.endswith("/")} == rooms
    top = {
        name for line in tree.splitlines() if line[:1].strip() for name in re.findall(r"([\w.]+/)(?= |$)", line[:28])
    }
    tracked = {"bench/", "docker/", "docs/", "examples/", "kernels/", "scripts/", "splatworker/", "tests/", "viewer/"}
    assert top == tracked
    assert {name for name in tracked if (ROOT / name).is_dir()} == tracked


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_every_page_says_for_whom_it_is_and_is_on_the_start_page(page: Path) -> None:
    assert page.read_text().splitlines()[2].startswith("*For ")
    assert page.name == "README.md" or f"]({page.name})" in (ROOT / "docs" / "README.md").read_text()


def anchors(page: Path) -> set[str]:
    """What GitHub names the headings of a page."""
    prose = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", line) for line in re.findall(r"^#+ (.*)", prose, re.MULTILINE)]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_every_relative_link_leads_somewhere() -> None:
    """To a file, and in a page of ours to a heading that it has."""
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*.md"), *ROOT.glob("bench/*.md")]:
        for link, source in re.findall(r'\]\(([^)\s]+)\)|src="([^"]+)"', page.read_text()):
            path, _, anchor = (link or source).partition("#")
            if "://" in path or path.startswith("mailto:"):
                continue
            target = page.parent / path if path else page
            assert target.exists(), (page, path)
            assert not (anchor and target.suffix == ".md") or anchor in anchors(target), (page, link)


def test_every_benchmark_is_in_its_list() -> None:
    page = (ROOT / "bench" / "README.md").read_text()
    assert [path.name for path in (ROOT / "bench").glob("*.py") if f"]({path.name})" not in page] == []


def test_pictures_are_small() -> None:
    assert sum(path.stat().st_size for path in (ROOT / "docs" / "pictures").glob("*.webp")) < 2_000_000

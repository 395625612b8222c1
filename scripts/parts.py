"""What an environment is made of, for the bill of materials and the check of licences.

Four sources: the metadata of installed distributions, the bills of materials that some of these bring along
(`*.dist-info/sboms`), the libraries and programs that lie in them (named in licences.toml), and Debian's records.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

RULES: dict[str, Any] = tomllib.loads(Path(__file__).with_name("licences.toml").read_text())
UNKNOWN = ""
CLASSIFIER = "License :: "


@dataclass(frozen=True)
class Part:
    """Something with a licence of its own."""

    name: str
    version: str
    licence: str
    """An SPDX expression, or UNKNOWN."""
    purl: str = ""
    inside: str = ""
    """The distribution that brings it, where it is not one itself."""
    source: str = ""
    note: str = ""


def canonical(name: str) -> str:
    """Return a distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def python_parts(folders: Iterable[Path], only: set[str] | None = None) -> Iterator[Part]:
    """Yield the distributions in these folders with what lies in them, in order of name.

    Args:
        folders: As in sys.path, such as a site-packages.
        only: Canonical names, or None for all.
    """
    found = {canonical(d.name): d for d in distributions(path=[str(folder) for folder in folders])}
    for name in sorted(found if only is None else found.keys() & only):
        distribution = found[name]
        version = distribution.version
        yield Part(name, version, licence_of(distribution), f"pkg:pypi/{name}@{version}")
        yield from _told(distribution, name)
        yield from _libraries(distribution, name)
        yield from compiled_in(name)


def licence_of(distribution: Distribution) -> str:
    """Return what the metadata says as an SPDX expression, or UNKNOWN."""
    metadata = distribution.metadata.json
    own = RULES["distributions"].get(canonical(distribution.name))
    if own:
        return str(own["licence"])
    if expression := metadata.get("license_expression"):
        return str(RULES["texts"].get(expression, expression))
    classifiers = [c.removeprefix(CLASSIFIER) for c in metadata.get("classifier", []) if c.startswith(CLASSIFIER)]
    for text in (str(metadata.get("license", "")).strip(), *(c.split(" :: ")[-1] for c in classifiers)):
        if text in RULES["texts"]:
            return str(RULES["texts"][text])
        if text and all(known(word) for word in terms(text)):
            return text
    return UNKNOWN


def compiled_in(name: str) -> Iterator[Part]:
    """Yield what is compiled or copied into a distribution, where no file shows it."""
    for row in RULES["compiled_in"]:
        if row["into"] == name:
            version, note = row.get("version", ""), row.get("note", "")
            yield Part(row["name"], version, row["licence"], inside=name, source=row["source"], note=note)


def _told(distribution: Distribution, name: str) -> Iterator[Part]:
    """Yield what a distribution's own bills of materials list."""
    for file in distribution.files or ():
        path = Path(str(distribution.locate_file(file)))
        if ".dist-info/sboms/" not in str(file) or not path.is_file():
            continue
        for component in json.loads(path.read_text()).get("components", []):
            part, version = component["name"], component.get("version", "")
            # Those with a scope are what can be built in, or what builds: not what is there.
            if canonical(part) == name or component.get("scope") in {"optional", "excluded"}:
                continue
            given = [row.get("expression") or _one(row["license"]) for row in component.get("licenses", [])]
            licence = RULES["parts"].get(part) or " AND ".join(f"({one})" for one in given if one)
            yield Part(part, version, licence, component.get("purl", ""), name)


def _one(licence: dict[str, str]) -> str:
    name = licence.get("id") or licence.get("name", "")
    return str(RULES["texts"].get(name, name))


def _libraries(distribution: Distribution, name: str) -> Iterator[Part]:
    """Yield the shared libraries and programs among a distribution's files, each by the row of licences.toml.

    A distribution's own modules are not such: they are named for Python (`*.cpython-311-*.so`, `*.abi3.so`).
    """
    if any(fnmatch(name, pattern) for pattern in RULES["own_libraries"]):
        return
    seen = set()
    for file in distribution.files or ():
        base = file.name
        library = re.match(r"lib.*?(?=(-[0-9a-f]{8})*\.so(\.|$))", base)
        program = "binaries" in file.parts and not base.endswith((".py", ".md", ".pyc"))
        if not (library or program) or re.search(r"\.(cpython|abi3)", base):
            continue
        if not Path(str(distribution.locate_file(file))).is_file():
            continue
        stem = library[0] if library else base.split("-")[0]
        row = RULES["libraries"].get(stem)
        if stem in seen or (row and row["licence"] == "same"):
            continue
        seen.add(stem)
        yield Part(
            stem,
            base,
            row["licence"] if row else UNKNOWN,
            inside=name,
            source=row["source"] if row else "",
            note=row.get("note", "") if row else "",
        )


def debian_parts(root: Path) -> Iterator[Part]:
    """Yield the packages that Debian's records in this root name as installed."""
    for stanza in (root / "var/lib/dpkg/status").read_text().split("\n\n"):
        fields = dict(re.findall(r"^(Package|Version|Status|Section|Architecture): (.*)$", stanza, re.MULTILINE))
        if fields.get("Status", "").endswith(" installed"):
            package, version = fields["Package"], fields["Version"]
            free = "/" not in fields.get("Section", "")
            purl = f"pkg:deb/debian/{package}@{version}?arch={fields['Architecture']}"
            yield Part(package, version, _debian_licence(root, package) if free else UNKNOWN, purl)


def _debian_licence(root: Path, package: str) -> str:
    """Return the licences that a package's copyright file lists; Debian's main has free ones alone."""
    path = root / "usr/share/doc" / package / "copyright"
    if not path.is_file():
        return UNKNOWN
    names = sorted(set(re.findall(r"^License: *(\S.*?) *$", path.read_text(errors="replace"), re.MULTILINE)))
    return "; ".join(names) or f"see /usr/share/doc/{package}/copyright"


def terms(expression: str) -> list[str]:
    """Return the licences of an SPDX expression."""
    return [term for term in re.split(r"\s+(?:AND|OR)\s+|[()]", expression.strip()) if term.strip()]


def known(licence: str) -> bool:
    """Return whether a single licence, with its exception if it has one, is on the list."""
    return licence.strip() in RULES["allowed"]


def allowed(expression: str) -> bool:
    """Return whether an SPDX expression can be met with allowed licences alone: AND needs both, OR one.

    What is no expression (words missing, brackets left open) is not allowed.
    """
    tokens = re.findall(r"[()]|AND|OR|(?:(?!\bAND\b|\bOR\b)[^()\s]+\s*)+", expression)

    def either() -> bool:
        met = both()
        while tokens and tokens[0] == "OR":
            tokens.pop(0)
            met = both() or met
        return met

    def both() -> bool:
        met = one()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            met = one() and met
        return met

    def one() -> bool:
        word = tokens.pop(0)
        if word in {")", "AND", "OR"}:
            raise ValueError(word)
        if word != "(":
            return known(word)
        met = either()
        if tokens.pop(0) != ")":
            raise ValueError(word)
        return met

    try:
        return either() and not tokens
    except (IndexError, ValueError):
        return False


def exception(part: Part) -> dict[str, str] | None:
    """Return the row of licences.toml that lets a part in all the same."""
    for row in RULES["exceptions"]:
        named = fnmatch(part.name, row["part"]) and fnmatch(part.inside, row.get("inside", ""))
        if named and part.licence == row["licence"]:
            return dict(row)
    return None

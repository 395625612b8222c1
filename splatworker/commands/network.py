"""`splatworker fetch`, `fetch-videos`, `upload`, `notify`: what talks to the network, each in a process of its own.

They are the worker's own, and take one JSON object on standard input instead of options: the URLs are keys, and a
command line can be read by every process of the machine. A process can be killed, unlike a thread that waits for a
server: so a cancelled job ends at once whatever its peers do.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import stamina.instrumentation

from splatworker.deliver import upload, webhook
from splatworker.errors import InvalidJob, SplatError, UploadRefused
from splatworker.formats.filling import files_to_write
from splatworker.network import guard, resolution, url_rules
from splatworker.network.redact import without_query
from splatworker.photos import fetch, fetch_videos
from splatworker.stages.command import run_as_command
from splatworker.stages.progress import Reporter
from splatworker.stages.supervise import hide_memory_and_environment

TARGETS_SECONDS = 10.0
"""Seconds for the names of all addresses that a splat goes to."""


def main(name: str, argv: list[str]) -> int:
    """Run one of the four; the exit status."""
    work = {"fetch": _fetch, "fetch-videos": _fetch_videos, "upload": _upload, "notify": _notify}[name]
    hide_memory_and_environment()  # the URLs are keys
    stamina.instrumentation.set_on_retry_hooks([])  # retries are told as what they are: part of the work
    status = run_as_command(
        "photos" if name.startswith("fetch") else "deliver",
        lambda report: work(_request(name), report),
        as_json="--json" in argv,
    )
    sys.stdout.flush()
    os._exit(status)  # not waiting for threads that wait for a server


def _request(name: str) -> dict[str, Any]:
    """What the worker sends on standard input.

    Raises:
        InvalidJob: somebody else has called the command.
    """
    try:
        request = json.load(sys.stdin)
    except (ValueError, RecursionError):
        request = None
    if not isinstance(request, dict) or not request.keys() >= _NEEDED[name]:
        raise InvalidJob(
            f"`splatworker {name}` reads what it shall do from the worker, as JSON, and this is none.",
            hint="It is the worker's own: people call `splatworker run`.",
        )
    return request


_NEEDED = {
    "fetch": {"urls", "folder", "local"},
    "fetch-videos": {"urls", "folder", "local"},
    "upload": {"path", "url", "local", "content_type"},
    "notify": {"url", "message", "secret", "tries"},
}


def _check_targets(urls: Iterable[str]) -> None:
    """Refuse a job whose splat could not be delivered, before anything is made: where its URLs lead is known by now.

    Raises:
        UploadRefused: one leads into the worker's own network.
    """
    end = time.monotonic() + TARGETS_SECONDS
    for url in {urlsplit(url).netloc: url for url in urls}.values():
        with contextlib.suppress(requests.Timeout):
            if guard.within(lambda: end, lambda url=url: resolution.leads_inside(url)):  # type: ignore[misc]
                raise UploadRefused(
                    f"The splat could not be delivered to {without_query(url)}: its address is not public.",
                    hint="Give a URL that is reached from the internet, and send the job again.",
                )


def _fetch(request: dict[str, Any], report: Reporter) -> dict[str, Any]:
    _check_targets(request.get("targets", ()))
    masks = {"masks": request["masks"], "masks_folder": Path(request["masks_folder"])} if "masks" in request else {}
    fetched = fetch.fetch(request["urls"], Path(request["folder"]), report, local=request["local"], **masks)
    return dataclasses.asdict(fetched)


def _fetch_videos(request: dict[str, Any], report: Reporter) -> dict[str, Any]:
    _check_targets(request.get("targets", ()))
    fetched = fetch_videos.fetch_videos(request["urls"], Path(request["folder"]), report, local=request["local"])
    errors = {number: error.to_event() for number, error in fetched.errors.items()}
    return {"files": fetched.files, "errors": errors}


def _upload(request: dict[str, Any], report: Reporter) -> dict[str, Any]:
    target = url_rules.local_path(request["url"]) if request["local"] else None
    with files_to_write(target.parent, [target.name], "it", "deliver") if target else contextlib.nullcontext():
        size = upload.upload(
            Path(request["path"]), request["url"], report, local=request["local"], content_type=request["content_type"]
        )
    return {"file_size": size}


def _notify(request: dict[str, Any], report: Reporter) -> dict[str, Any]:
    try:
        webhook.send(
            request["url"], request["message"], secret=request["secret"], tries=request["tries"] or webhook.TRIES
        )
    except webhook.Undelivered as error:
        raise SplatError(f"The webhook could not be delivered: {error}.", stage="deliver") from None
    return {}

"""A worker as on the platform, whose jobs come from a pretended internet."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path
from typing import Any

from support.internet import Internet
from support.jobs import stand_in
from support.s3 import Store
from support.servers import RawServer

import handler
from splatworker.worker.session import WorkerSettings

SECRET = "5ECR3T"
WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
QUICK = (
    "fetch=tune:splatworker.photos.fetch:LONGEST_WAIT_S=0.05",
    "upload=tune:splatworker.deliver.upload:LONGEST_WAIT_S=0.05",
    "notify=tune:splatworker.deliver.webhook:LONGEST_WAIT_S=0.05",
)
"""The real network stages, with pauses that a test can wait for."""


class World:
    """A worker as on the platform, guard and all: photos, store and webhook have public names, and so has a server
    that misbehaves.

    Attributes:
        store: on http://store.example: photos, presigned URLs, webhooks.
        sink: a server on loopback that must never be reached.
        answers: of all jobs so far.
    """

    def __init__(self, folder: Path, store: Store, sink: RawServer, internet: Internet) -> None:
        self.folder = folder
        self.store = store
        self.sink = sink
        self.internet = internet
        self.answers: list[dict[str, Any]] = []

    def name(self, host: str, *addresses: str, port: int | None = None) -> None:
        """Let a name mean these addresses, and its first one lead to a port on loopback."""
        self.internet.names[host] = [list(addresses)]
        if port is not None:
            self.internet.servers[addresses[0]] = port

    def photo_urls(self) -> list[str]:
        return [f"{url}?token={SECRET}" for url in self.store.photo_urls([f"IMG_{n:04d}.jpg" for n in range(1, 7)])]

    def job(self, **changes: object) -> dict[str, Any]:
        """The event of a good job, with changes."""
        job = {
            "project_id": "p-1",
            "image_urls": self.photo_urls(),
            "upload_url": self.store.presign("PUT", "a.ply"),
            "webhook_url": self.store.hook_url(),
            "webhook_secret": WEBHOOK_SECRET,
        }
        return {"id": uuid.uuid4().hex, "input": job | changes}

    def do(self, *faults: str, **changes: object) -> dict[str, Any]:
        """Do a job as on the platform; its answer."""
        self.internet.publish()
        settings = WorkerSettings(command=stand_in(*QUICK, *faults))
        self.answers.append(asyncio.run(handler.handler(self.job(**changes), settings)))
        return self.answers[-1]

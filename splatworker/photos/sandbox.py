"""One photo in a sandbox: decoded in a forked process, under a limit of memory and time.

A decoder that crashes, hangs or swells up costs one photo, not the job.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from splatworker.errors import from_os_error
from splatworker.formats.mask_names import MaskRules
from splatworker.machine import operator_limits
from splatworker.photos import clean_copy
from splatworker.photos.kinds import why_no_photo
from splatworker.photos.mask import put_together
from splatworker.photos.picture import Picture, open_picture
from splatworker.photos.unusable import Unusable, UnusableMask

MOST_PIXELS = int(operator_limits.value("SPLATWORKER_MEGAPIXELS") * 1_000_000)
MOST_MEMORY = operator_limits.mebibytes("SPLATWORKER_DECODER_MIB")
"""Bytes of address space a decoder may take beyond what the process has."""
MOST_SECONDS = max(1, int(operator_limits.value("SPLATWORKER_DECODER_S")))


def start(path: Path, mask: Path | None, target: Path, max_size: int, memory: int, rules: MaskRules) -> tuple[int, int]:
    """Start a decoder of one photo; the pipe on which it answers, and its process id.

    Args:
        mask: the photo's mask file, if it has one.
        target: the clean JPEG to write; a PNG of that name where a part of the photo is transparent.
        max_size: pixels of the longest side at most; 0: as it is.
        memory: bytes of address space that it may take beyond what this process has.
        rules: how the mask, and alpha, are meant.
    """
    reader, writer = os.pipe()
    process = os.fork()
    if process:
        os.close(writer)
        return reader, process
    try:
        os.close(reader)
        answer = _decode(path, mask, target, max_size, memory, rules)
        os.write(writer, json.dumps(answer).encode())
    finally:
        os._exit(0)


def end(pipe: int, process: int, *, is_ready: bool) -> dict[str, Any]:
    """The answer of a decoder, or what became of it; one that has none yet is killed.

    Raises:
        DiskFull: the clean photo could not be written.
    """
    answer = os.read(pipe, 65_536) if is_ready else b""
    os.close(pipe)
    if not answer:
        os.kill(process, signal.SIGKILL) if not is_ready else None
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    if not answer:
        slow = not is_ready or status == -signal.SIGALRM
        return {"reason": "it takes too long to decode" if slow else "it crashes the decoder"}
    outcome: dict[str, Any] = json.loads(answer)
    if "errno" in outcome:
        raise from_os_error(OSError(outcome["errno"], os.strerror(outcome["errno"])), "photos")
    return outcome


def _decode(
    path: Path, mask: Path | None, target: Path, max_size: int, memory: int, rules: MaskRules
) -> dict[str, Any]:
    """In the forked process: decode under limits; the answer for the parent, whatever happens."""
    try:
        _limit(memory)
        picture = _open(path, max_size)
        masked = put_together(picture, mask, rules)
        image = masked.image
        digest = hashlib.sha256(image.tobytes()).hexdigest()
        if image.mode == "RGBA":
            target = target.with_suffix(".png")
        if masked.ignored is not None:
            clean_copy.write_mask(masked.ignored, clean_copy.mask_of(target))
        clean_copy.write(image, picture.exif, masked.area, target)
    except UnusableMask as reason:
        return {"reason": str(reason), "for_mask": True}
    except Unusable as reason:
        return {"reason": str(reason)}
    except MemoryError:
        return {"reason": "it takes too much memory to decode"}
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return {"reason": f"it has more than {MOST_PIXELS // 1_000_000} megapixels, or unpacks to far too much"}
    except UnidentifiedImageError:
        return {"reason": why_no_photo(path)}
    except clean_copy.NotWritten as error:
        return {"errno": error.number} if error.number else {"reason": "it cannot be written as a JPEG"}
    except PermissionError:
        return {"reason": "its permissions forbid to read it"}
    except Exception as error:
        cut = "truncated" in str(error).lower() or "unexpected end" in str(error).lower()
        return {"reason": "it is truncated: the end of the file is missing" if cut else "it is damaged"}
    entry = {"name": target.name, "raw": picture.raw, "kind": picture.kind, "scaled": masked.scaled, "of": picture.of}
    entry |= {"labels": masked.labels, "kept": masked.kept, "shades": masked.shades, "veiled": masked.veiled}
    entry["unsure"] = masked.unsure
    entry["panorama"] = masked.area is not None
    entry["masked"] = [*(["cutout"] if image.mode == "RGBA" else []), *(["ignore"] if masked.ignored else [])]
    return {"width": image.width, "height": image.height, "digest": digest} | entry


def _limit(memory: int) -> None:
    """End this process when it takes too long, and let it have so many bytes more, if it may have so many."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(MOST_SECONDS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        allowed = [limit for limit in resource.getrlimit(resource.RLIMIT_AS) if limit != resource.RLIM_INFINITY]
        resource.setrlimit(resource.RLIMIT_AS, (min([used + memory, *allowed]),) * 2)


def _open(path: Path, max_size: int) -> Picture:
    """The photo, decoded; whatever is raised is the photo's fault."""
    return open_picture(path, max_size, MOST_PIXELS)


def load_decoders() -> None:
    """Load every decoder, HEIC's among them; called once, so that not every sandbox has to."""
    import pi_heif  # noqa: PLC0415 - 10 MB of decoder that nothing else needs; pillow_heif brings GPL encoders
    import rawpy  # noqa: F401, PLC0415 - likewise

    pi_heif.register_heif_opener(thumbnails=False)
    Image.init()

"""`splatworker schema`: what a job may say, as JSON Schema, as it stands in docs/job.schema.json."""

from __future__ import annotations

import argparse
import json
import sys

from splatworker.contract.schema import job_schema


def main(argv: list[str]) -> int:
    """Print the schema; the exit status."""
    parser = argparse.ArgumentParser(
        prog="splatworker schema",
        description="Print the JSON Schema of a job: every field and training parameter, explained.",
    )
    parser.parse_args(argv)
    sys.stdout.write(text())
    return 0


def text() -> str:
    """The schema as it stands in docs/job.schema.json."""
    return json.dumps(job_schema(), indent=2, ensure_ascii=False) + "\n"

"""The options of `--on hf-jobs`. This file imports no Hub client, so that verbs start fast."""

from typing import Any


def add_job_options(stage: Any) -> None:
    """Add --on, --flavor and --timeout to a verb."""
    stage.add("--on", choices=["hf-jobs"], help="run on a machine of the Hub, and show its output here")
    stage.add("--flavor", type=str, help="with --on hf-jobs: machine type, e.g. a10g-large; it costs money")
    stage.add("--timeout", type=str, default="24h", help="with --on hf-jobs: time limit of the job (90m, 24h, 2d)")

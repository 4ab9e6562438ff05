"""Shows the output of a job on Hugging Face Jobs and returns its exit status."""

import re
import sys

from huggingface_hub import HfApi, JobInfo, JobStage, get_token

from titlecraft.hub.errors import hub_errors


def follow(job: JobInfo) -> int:
    """Stream the job's output and return its exit status; 130 after Ctrl-C, which does not stop the job."""
    api, token, namespace = HfApi(), get_token() or "", job.owner.name
    try:
        with hub_errors(f"following job {job.id}; it goes on, see {job.url}", job.owner.name, "model"):
            api.wait_for_job(job_id=job.id, namespace=namespace, stages=[JobStage.RUNNING])
            for line in api.fetch_job_logs(job_id=job.id, namespace=namespace, follow=True):
                print(line.replace(token, "<HF_TOKEN>") if token else line, flush=True)
            ended = api.wait_for_job(job_id=job.id, namespace=namespace).status
    except KeyboardInterrupt:
        print(
            f"\njob {job.id} goes on: `hf jobs logs {job.id}` shows it, `hf jobs cancel {job.id}` ends it",
            file=sys.stderr,
        )
        return 130
    if ended.stage == JobStage.COMPLETED:
        return 0
    print(
        f"error: job {job.id} ended as {ended.stage}: {ended.message or 'no reason given'} ({job.url})", file=sys.stderr
    )
    return exit_status(ended.message)


def exit_status(message: str | None) -> int:
    """The exit status that a job's message names, or 1."""
    named = re.search(r"exit (?:code|status):?\s*(\d+)", message or "", re.IGNORECASE)
    return int(named[1]) if named and int(named[1]) else 1

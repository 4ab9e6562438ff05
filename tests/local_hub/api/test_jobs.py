"""Jobs through the unmodified client: recorded without the values of secrets, streamed output, failed without a runner."""

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError

from local_hub.server import RunningHub


def submit(api: HfApi, **options: Any) -> str:
    job: dict[str, Any] = {"image": "python:3.12", "command": ["python", "-c", "1"], "flavor": "t4-small"} | options
    return api.run_job(**job, env={"A": "1"}, secrets={"HF_TOKEN": "hf_secret"}, namespace="titlecraft").id


def file_of(hub: RunningHub, job: str) -> Path:
    return hub.root / "jobs" / "titlecraft" / f"{job}.json"


def change(hub: RunningHub, job: str, **fields: object) -> None:
    stored = json.loads(file_of(hub, job).read_bytes()) | fields
    file_of(hub, job).with_suffix(".new").write_text(json.dumps(stored))
    file_of(hub, job).with_suffix(".new").rename(file_of(hub, job))


def test_a_request_is_kept_without_the_values_of_its_secrets(hub: RunningHub, api: HfApi) -> None:
    job = api.inspect_job(job_id=submit(api, timeout="2h"), namespace="titlecraft")
    assert (job.status.stage, job.flavor, job.docker_image) == ("SCHEDULING", "t4-small", "python:3.12")
    assert (job.command, job.environment, job.secrets) == (["python", "-c", "1"], {"A": "1"}, {"HF_TOKEN": ""})
    assert b"hf_secret" not in file_of(hub, job.id).read_bytes()
    assert json.loads(file_of(hub, job.id).read_bytes())["timeoutSeconds"] == 7200
    api.cancel_job(job_id=job.id, namespace="titlecraft")
    assert api.inspect_job(job_id=job.id, namespace="titlecraft").status.stage == "CANCELED"
    assert "a10g-large" in [job.name for job in api.list_jobs_hardware()]


def test_a_job_that_nobody_runs_fails_and_says_why(hub: RunningHub, api: HfApi) -> None:
    job = submit(api)
    change(hub, job, createdAt="2026-01-01T00:00:00.000Z")
    status = api.inspect_job(job_id=job, namespace="titlecraft").status
    assert (status.stage, status.message) == (
        "ERROR",
        "This Hub has no machines: it recorded the job, and nobody ran it within 20 s",
    )


def test_output_comes_line_by_line_until_the_end(hub: RunningHub, api: HfApi) -> None:
    job = submit(api)
    change(hub, job, status={"stage": "RUNNING", "message": None})
    came: list[tuple[str, float]] = []

    def listen() -> None:
        for line in api.fetch_job_logs(job_id=job, namespace="titlecraft", follow=True):
            came.append((line, time.monotonic()))

    listener = threading.Thread(target=listen)
    listener.start()
    log = file_of(hub, job).with_suffix(".log")
    log.write_text("one\ntw")
    time.sleep(0.6)
    assert [line for line, _ in came] == ["one"]  # and not yet half of the second
    log.write_text("one\ntwo\nthree")
    change(hub, job, status={"stage": "COMPLETED", "message": None})
    listener.join(timeout=20)
    assert [line for line, _ in came] == ["one", "two", "three"]


def test_who_may_not_and_what_is_not_there_is_refused(hub: RunningHub, api: HfApi) -> None:
    job = submit(api)
    reader, nobody = HfApi(endpoint=hub.url, token=hub.read_token), HfApi(endpoint=hub.url, token=False)
    for refused, status in (
        (lambda: submit(api, flavor="a9000"), 400),
        (lambda: submit(reader), 403),
        (lambda: submit(nobody), 401),
        (lambda: nobody.inspect_job(job_id=job, namespace="titlecraft"), 401),
        (lambda: api.inspect_job(job_id="0" * 24, namespace="titlecraft"), 404),
        (lambda: api.run_job(image="a", command=["b"], namespace="somebody"), 403),
        (lambda: api.inspect_job(job_id="..%2F..%2Faccounts", namespace="titlecraft"), 400),
    ):
        with pytest.raises(HfHubHTTPError) as error:
            refused()
        assert error.value.response.status_code == status


def test_the_jobs_of_a_namespace_newest_first(hub: RunningHub, api: HfApi, anonymous) -> None:
    first, second = submit(api, labels={"kind": "listed"}), submit(api, labels={"kind": "listed", "n": "2"})
    change(hub, first, createdAt="2026-01-01T00:00:00.000Z")
    assert [job.id for job in api.list_jobs(namespace="titlecraft", labels={"kind": "listed"})] == [second, first]
    assert [job.id for job in api.list_jobs(namespace="titlecraft", labels={"n": "2"})] == [second]
    assert [job.id for job in api.list_jobs(namespace="titlecraft", status="ERROR", labels={"kind": "listed"})] == [
        first
    ]
    assert anonymous.get("/api/jobs/titlecraft").status_code == 401
    file_of(hub, first).write_text("{")
    assert [job.id for job in api.list_jobs(namespace="titlecraft", labels={"kind": "listed"})] == [second]
    with pytest.raises(HfHubHTTPError, match="is damaged"):
        api.inspect_job(job_id=first, namespace="titlecraft")

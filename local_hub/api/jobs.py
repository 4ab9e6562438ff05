"""Jobs: requests are recorded, and a separate runner may execute them.

A job is `root/jobs/NAMESPACE/ID.json` in the form of the API, with its output in `ID.log`. The values of secrets are not
stored. A runner (the tests have one) writes status and output into these files. A job that no runner takes fails.
"""

import json
import logging
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from local_hub.community.job_output import Readers
from local_hub.errors import BadRequest, Forbidden, HubError, NotFound
from local_hub.names import check_repo_id
from local_hub.repos.settings import is_hub_time, now
from local_hub.requests.answers import answer
from local_hub.requests.call import Call
from local_hub.requests.endpoint import endpoint
from local_hub.untrusted.data import BadData, read_json_object

_log = logging.getLogger(__name__)

TAKEN_WITHIN = 20  # seconds in which a runner has to set the status to RUNNING
_KEPT = (
    "dockerImage",
    "spaceId",
    "command",
    "arguments",
    "environment",
    "flavor",
    "timeoutSeconds",
    "labels",
    "volumes",
)
_KINDS: dict[str, Any] = {
    "dockerImage": str,
    "spaceId": str,
    "command": list | str,
    "arguments": list,
    "environment": dict,
    "secrets": dict,
    "timeoutSeconds": int,
    "labels": dict,
    "volumes": list,
}


def _hardware(name: str, cpu: str, ram: str, accelerator: tuple[str, str, str] | None = None) -> dict[str, Any]:
    keys = ("model", "quantity", "vram")
    gpu = (
        {"type": "gpu", "manufacturer": "Nvidia", **dict(zip(keys, accelerator, strict=True))} if accelerator else None
    )
    cost = {"unitCostMicroUSD": 0, "unitCostUSD": 0.0, "unitLabel": "minute"}
    return {"name": name, "prettyName": name, "cpu": cpu, "ram": ram, "accelerator": gpu} | cost


HARDWARE = [
    _hardware("cpu-basic", "2 vCPU", "16 GB"),
    _hardware("t4-small", "4 vCPU", "15 GB", ("T4", "1", "16 GB")),
    _hardware("a10g-large", "12 vCPU", "46 GB", ("A10G", "1", "24 GB")),
    _hardware("a10g-largex2", "24 vCPU", "92 GB", ("A10G", "2", "48 GB")),
    _hardware("a100-large", "12 vCPU", "142 GB", ("A100", "1", "80 GB")),
]


def hardware(call: Call) -> Response:
    """GET /api/jobs/hardware: some flavors of the public Hub, free of charge."""
    return answer(HARDWARE)


def create(call: Call) -> Response:
    """POST /api/jobs/NAMESPACE with `{dockerImage | spaceId, command, arguments, environment, secrets, flavor, …}`"""
    namespace = call.params["name"]
    call.require_write(namespace)
    body = call.json()
    flavors = [flavor["name"] for flavor in HARDWARE]
    if body.get("flavor") not in flavors:
        raise BadRequest(f"Invalid flavor {body.get('flavor')!r}: expected one of {', '.join(flavors)}")
    for name, kind in _KINDS.items():
        if body.get(name) is not None and not isinstance(body[name], kind):
            raise BadRequest(f"Invalid {name!r} of a job: {str(body[name])[:40]!r}")
    if not body.get("command") or not (body.get("dockerImage") or body.get("spaceId")):
        raise BadRequest("A job needs a command, and a dockerImage or a spaceId")
    job = {
        "id": secrets.token_hex(12),
        "createdAt": now(),
        "startedAt": None,
        "finishedAt": None,
        "owner": {"id": namespace, "name": namespace, "type": "user"},
        "secrets": dict.fromkeys(body.get("secrets") or {}, ""),  # the names only
        "status": {"stage": "SCHEDULING", "message": None},
        **{name: body[name] for name in _KEPT if name in body},
    }
    _save(call, namespace, job)
    return answer(job)


def index(call: Call) -> Response:
    """GET /api/jobs/NAMESPACE?stage=&label=KEY=VALUE: the jobs of a namespace, newest first (`hf jobs ps`)."""
    namespace = call.params["name"]
    if not call.require_token().belongs_to(namespace):
        raise Forbidden(f"The jobs of {namespace!r} are for its members")
    folder = _file(call, namespace, "x").parent
    jobs = [job for file in sorted(folder.glob("*.json")) if (job := _or_none(call, namespace, file)) is not None]
    stages, labels = {stage.upper() for stage in call.query_list("stage")}, set(call.query_list("label"))

    def wanted(job: dict[str, Any]) -> bool:
        held = {f"{key}={value}" for key, value in (job.get("labels") or {}).items()}
        return (not stages or job["status"]["stage"] in stages) and labels <= held

    return answer(sorted(filter(wanted, jobs), key=lambda job: job["createdAt"], reverse=True))


def _or_none(call: Call, namespace: str, file: Path) -> dict[str, Any] | None:
    try:
        return _read(call, namespace, file)
    except HubError as error:
        _log.warning("%s", error.message)
        return None


def inspect(call: Call) -> Response:
    """GET /api/jobs/NAMESPACE/ID"""
    return answer(_load(call))


def cancel(call: Call) -> Response:
    """POST /api/jobs/NAMESPACE/ID/cancel"""
    call.require_write(call.params["name"])
    job = _load(call)
    job["status"] = {"stage": "CANCELED", "message": None}
    _save(call, call.params["name"], job)
    return answer(job)


def logs(call: Call) -> Response:
    """GET /api/jobs/NAMESPACE/ID/logs: the lines of output as server-sent events until the job has ended."""
    _load(call)
    readers: Readers = call.request.app.state.job_readers
    token = call.require_token().value
    readers.refuse_more(token)
    file = _file(call, call.params["name"], call.params["job"]).with_suffix(".log")
    return StreamingResponse(readers.events(token, file, lambda: _is_running(call)), media_type="text/event-stream")


def _is_running(call: Call) -> bool:
    return _load(call)["status"]["stage"] in ("SCHEDULING", "RUNNING")


def _file(call: Call, namespace: str, job_id: str) -> Path:
    return call.hub.store.root / "jobs" / f"{check_repo_id(f'{namespace}/{job_id}').lower()}.json"


def _load(call: Call) -> dict[str, Any]:
    """The job of the address. Raises NotFound, also if the caller may not see it."""
    namespace, job_id = call.params["name"], call.params["job"]
    file = _file(call, namespace, job_id)
    if not call.require_token().belongs_to(namespace) or not file.is_file():
        raise NotFound("Job not found")
    return _read(call, namespace, file)


def _read(call: Call, namespace: str, file: Path) -> dict[str, Any]:
    """The job in a file; set to ERROR if no runner took it in time. Raises NotFound, HubError (409) for a damaged file."""
    try:
        job = read_job(file)
    except FileNotFoundError:
        raise NotFound("Job not found") from None
    except (OSError, BadData) as error:
        raise HubError(f"The record of the job {file.stem} is damaged: {error}", status=409) from error
    age = (datetime.now(UTC) - datetime.fromisoformat(job["createdAt"])).total_seconds()
    if job["status"]["stage"] == "SCHEDULING" and age > TAKEN_WITHIN:
        message = f"This Hub has no machines: it recorded the job, and nobody ran it within {TAKEN_WITHIN} s"
        job["status"] = {"stage": "ERROR", "message": message}
        _save(call, namespace, job)
    return job


def read_job(file: Path) -> dict[str, Any]:
    """The job in a file. Raises OSError, BadData."""
    job = read_json_object(file.read_bytes())
    status = job.get("status")
    if job.get("id") != file.stem or not is_hub_time(job.get("createdAt")):
        raise BadData("its 'id' or 'createdAt' is not what the Hub wrote")
    if not isinstance(status, dict) or not isinstance(status.get("stage"), str):
        raise BadData("its 'status' has no 'stage'")
    if not isinstance(job.get("labels") or {}, dict):
        raise BadData("its 'labels' are no object")
    return job


def _save(call: Call, namespace: str, job: dict[str, Any]) -> None:
    file = _file(call, namespace, job["id"])
    call.hub.store.temporary.write(file, json.dumps(job, indent=1).encode())


def _may_run(call: Call) -> None:
    call.require_write(call.params["name"])


_JOB = "/api/jobs/{name:name}/{job:name}"

routes = [
    Route("/api/jobs/hardware", endpoint(hardware)),
    Route("/api/jobs/{name:name}", endpoint(index)),
    Route("/api/jobs/{name:name}", endpoint(create, authorize=_may_run), methods=["POST"]),
    Route(_JOB, endpoint(inspect)),
    Route(_JOB + "/logs", endpoint(logs)),
    Route(_JOB + "/cancel", endpoint(cancel, authorize=_may_run), methods=["POST"]),
]

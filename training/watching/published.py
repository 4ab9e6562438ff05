"""`--publish-metrics`: the metrics of a run, published beside its adapter. Without the option nothing leaves the machine.

trackio: a static Space of the same owner, which shows the runs from a dataset. Both are public, because a static Space reads its data
in the visitor's browser. TensorBoard: event files in the adapter's repo, which the Hub shows in a tab, with the numbers alone.
"""

import sys
from pathlib import Path
from typing import Any

from titlecraft.errors import UserError
from titlecraft.hub.errors import first_line
from titlecraft.records.repo_files import EVENT_FILES
from training.watching.watch import Watch, event_files, trackio_project


def require_published(watch: Watch, publish: bool) -> None:
    """Raise UserError if there is no tracker whose metrics could be published."""
    if publish and watch == "none":
        raise UserError(
            "--publish-metrics: --watch none writes no metrics; take --watch trackio or --watch tensorboard"
        )


def publish_metrics(watch: Watch, repo: str, run: str, folder: Path) -> str | None:
    """Publish what the tracker wrote; return the id of trackio's Space, or None for event files and if it did not work.

    Event files go into `folder`, which is published with the adapter. A finished training is not given up for its metrics: an error
    is printed, with the command that tries again.
    """
    if watch == "tensorboard":
        copy_numbers(event_files(repo, run), folder / EVENT_FILES / run)
        return None
    space, data, project = f"{repo}-metrics", f"{repo}-metrics-data", trackio_project(repo, published=True)
    command = f"trackio sync --project {project} --space-id {space} --sdk static"
    try:
        import trackio  # pyright: ignore[reportMissingImports]

        trackio.sync(project, space_id=space, sdk="static", dataset_id=data)
    except Exception as error:  # its uploads raise whatever the network does
        print(f"metrics were not published: {first_line(error)}. Try again: {command}", file=sys.stderr)
        return None
    print(f"metrics of this run are public: Space {space}, dataset {data}")
    return space


def copy_numbers(source: Path, target: Path) -> None:
    """Copy the numbers of event files, without texts and host name: these have paths and names of this machine."""
    from tensorboardX.proto.event_pb2 import Event  # pyright: ignore[reportAttributeAccessIssue]
    from tensorboardX.record_writer import RecordWriter

    target.mkdir(parents=True, exist_ok=True)
    for number, file in enumerate(sorted(source.glob("events.out.tfevents.*"))):
        writer = RecordWriter(str(target / f"events.out.tfevents.{number}"))
        for event in read_events(file.read_bytes(), Event):
            numbers = [value for value in event.summary.value if value.WhichOneof("value") == "simple_value"]
            if numbers or event.file_version:
                kept = Event(wall_time=event.wall_time, step=event.step)
                if event.file_version:
                    kept.file_version = event.file_version
                for value in numbers:
                    kept.summary.value.add(tag=value.tag, simple_value=value.simple_value)
                writer.write(kept.SerializeToString())
        writer.close()


def read_events(raw: bytes, kind: Any) -> list[Any]:
    """The events of a file: each is its length (8 bytes), a checksum (4), the event, a checksum (4). A cut last one is left out."""
    events, at = [], 0
    while at + 12 <= len(raw):
        length = int.from_bytes(raw[at : at + 8], "little")
        if at + 16 + length > len(raw):
            break
        events.append(kind.FromString(raw[at + 12 : at + 12 + length]))
        at += 16 + length
    return events

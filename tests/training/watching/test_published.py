"""`--publish-metrics`: trackio's static Space on the embedded Hub, and event files with their numbers alone."""

import json
import socket
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.own_hub import run_on_own_hub
from titlecraft.errors import UserError
from training.watching.published import copy_numbers, read_events, require_published


@pytest.mark.skipif(not find_spec("trackio"), reason="needs the extra `watch`")
def test_a_run_becomes_a_static_space_and_other_runs_stay_here(tmp_path: Path) -> None:
    variables = {"TRACKIO_DIR": str(tmp_path / "trackio")}
    process = run_on_own_hub(
        "tests.training.watching.metrics_world", tmp_path, str(tmp_path), variables=variables, seconds=150
    )
    found = json.loads(process.stdout.splitlines()[-1])
    assert found["space"] == found["again"] == "titlecraft/lamps-metrics" and found["sdk"] == "static" and found["page"]
    assert [row["train/loss"] for row in found["rows"]] == [2.5]
    assert found["config"]["dataset_id"] == "titlecraft/lamps-metrics-data"
    assert found["tags"] == ["trackio", "trackio:https://huggingface.co/spaces/titlecraft/lamps-metrics"]
    assert found["refused"] is None and "metrics were not published" in process.stderr
    assert "trackio sync --project nobody--lamps--published" in process.stderr


def test_event_files_are_copied_without_texts_and_host_name(tmp_path: Path) -> None:
    from tensorboardX import SummaryWriter
    from tensorboardX.proto.event_pb2 import Event  # pyright: ignore[reportAttributeAccessIssue]

    with SummaryWriter(str(tmp_path / "here")) as writer:
        writer.add_text("args", '{"output_dir": "/home/somebody"}')
        for step, loss in enumerate((2.5, 2.25), 1):
            writer.add_scalar("train/loss", loss, step)
    copy_numbers(tmp_path / "here", tmp_path / "there")
    (file,) = (tmp_path / "there").iterdir()
    raw = file.read_bytes()
    assert file.name == "events.out.tfevents.0" and socket.gethostname().encode() not in raw and b"somebody" not in raw
    for whole in (raw, raw + raw[:20]):
        first, *events = read_events(whole, Event)
        assert first.file_version == "brain.Event:2"
        assert [(event.step, event.summary.value[0].simple_value) for event in events] == [(1, 2.5), (2, 2.25)]


def test_a_run_without_a_tracker_has_nothing_to_publish() -> None:
    with pytest.raises(UserError, match="--watch none writes no metrics"):
        require_published("none", True)
    require_published("none", False)
    require_published("trackio", True)

"""A Hub with the real base, a dataset and an adapter of five steps, made by the commands of a user."""

from collections.abc import Iterator

import pytest

from local_hub.server import start, stop
from tests.main_job.conftest import World, plain_environment, succeed
from titlecraft.command_line.demo.catalogue import write_catalogue

BASE, DATASET, ADAPTER = "titlecraft/SmolLM2-135M-Instruct", "titlecraft/real-rows", "titlecraft/SmolLM2-135M-test"
TITLECRAFT = "titlecraft.command_line.main"
SMALL = (
    "--base.max_length=128",
    "--training.batch_size=4",
    "--training.max_steps=5",
    "--training.warmup_steps=1",
    "--training.validate_every=5",
    "--training.validation_rows=8",
)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A Hub with the base."""
    folder = tmp_path_factory.mktemp("real")
    hub = start(folder / "hub")
    here = World(hub, folder, plain_environment(hub, folder / "home"), seconds=800)
    succeed(here, "titlecraft.command_line.demo.real_base", BASE)
    yield here
    stop(folder / "hub")


@pytest.fixture(scope="session")
def trained(world: World) -> str:
    """What five steps of training printed, on a dataset built from a synthetic catalogue."""
    write_catalogue(world.folder / "trn.json", rows=500, seed=3)
    succeed(world, TITLECRAFT, "build", "trn.json", "--repo", DATASET, "--public", "--recipe", "real")
    named = ["--dataset", DATASET, "--repo", ADAPTER, "--public", "--recipe", "real"]
    return succeed(world, TITLECRAFT, "train", *named, *SMALL)

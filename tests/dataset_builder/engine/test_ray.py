"""The builder on Ray gives the same bytes as the local engine, with any work storage."""

import gzip
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.engine.interface import require_engine
from dataset_builder.source import parts
from tests.dataset_builder.build_offline import build_offline, build_with
from titlecraft.command_line.demo.catalogue import catalogue_lines
from titlecraft.errors import UserError
from titlecraft.records import file_sha256
from titlecraft.settings import Data

pytestmark = pytest.mark.slow

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'titlecraft[ray]'")
SETTINGS = Data(rows_per_shard=700, test_share=0.1, validation_share=0.1)


@pytest.fixture(scope="module")
def two_nodes() -> Iterator[Any]:
    """A cluster of two nodes of one CPU each, both on this machine."""
    from ray.cluster_utils import Cluster

    node: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 100 << 20}
    cluster = Cluster(initialize_head=True, head_node_args=node | {"include_dashboard": False})
    cluster.add_node(**node)
    ray.init(cluster.address, log_to_driver=False)
    yield cluster
    ray.shutdown()
    cluster.shutdown()


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """5,000 lines in a plain file that is read in ranges and two compressed ones."""
    folder = tmp_path_factory.mktemp("source")
    lines = [line + b"\n" for line in catalogue_lines(5000, 6)]
    (folder / "1.json").write_bytes(b"".join(lines[:3000]))
    (folder / "2.json.gz").write_bytes(gzip.compress(b"".join(lines[3000:4000])))
    (folder / "3.json.gz").write_bytes(gzip.compress(b"".join(lines[4000:])))
    return [str(folder / "*.json*")]


def published(work: Path) -> dict[str, str]:
    folder = work / "publish"
    return {str(path.relative_to(folder)): file_sha256(path) for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def short_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain files are read in ranges of 100,000 bytes."""
    monkeypatch.setattr(parts.ranges, "__defaults__", (100_000,))


@pytest.fixture(scope="module")
def local(source: list[str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, dict[str, str]]:
    """What the local engine returns for the source, and the sums of what it publishes."""
    folder = tmp_path_factory.mktemp("local")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(parts.ranges, "__defaults__", (100_000,))
        outcome = build_offline(source, folder / "local", SETTINGS)
    assert sum(outcome.quarantined.values()) and outcome.near_duplicates and outcome.source.lines == 5000
    return outcome, published(folder / "local")


@pytest.mark.usefixtures("short_ranges")
@pytest.mark.parametrize("place", ["own Ray", "mounted folder", "url"])
def test_ray_gives_the_same_bytes(
    place: str, source: list[str], local: Any, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    from dataset_builder.engine.on_ray import ray_engine

    if place != "own Ray":
        request.getfixturevalue("two_nodes")
    outcome, files = local
    shared = tmp_path / "shared"
    named = {"own Ray": None, "mounted folder": str(tmp_path / "ray"), "url": f"file://{shared}"}
    with ray_engine(tmp_path / "ray", named[place]) as engine:
        assert build_with(engine, source, tmp_path / "ray", SETTINGS) == outcome
        waiting = list((shared / "ray" if place == "url" else tmp_path / "ray").rglob("rows-*.arrow"))
        assert len(waiting) > 5  # ranges were read as such; and where there is a URL, nothing waits with the parent
    assert not list(shared.rglob("rows-*"))
    result = published(tmp_path / "ray")
    assert result == files and len(result) > 5


def test_several_nodes_need_shared_work_storage(two_nodes: Any, tmp_path: Path) -> None:
    from dataset_builder.engine.on_ray import ray_engine

    with pytest.raises(UserError, match="has 2 nodes: --work must name"), ray_engine(tmp_path, None):
        pass
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="file/below"), ray_engine(tmp_path, f"file://{tmp_path}/file/below"):
        pass
    (tmp_path / "file").unlink()
    with ray_engine(tmp_path, str(tmp_path)) as engine:
        tmp_path.rmdir()
        with pytest.raises(UserError, match="not there on a worker; --work must name a folder"):
            list(engine.in_order(len, ["a task"]))


def test_errors_of_workers_are_one_line(two_nodes: Any, tmp_path: Path) -> None:
    from dataset_builder.engine.on_ray import ray_engine

    (tmp_path / "plain.json.gz").write_text("{}\n")
    (tmp_path / "cut.json.gz").write_bytes(gzip.compress(b"{}\n" * 1000)[:-15])
    with ray_engine(tmp_path / "work", str(tmp_path)) as engine:
        for name, message in {"plain": "not a gzip file", "cut": "the gzip data is cut after line"}.items():
            with pytest.raises(UserError, match=rf"{name}\.json\.gz: {message}"):
                build_with(engine, tmp_path / f"{name}.json.gz", tmp_path / "work", Data())
            shutil.rmtree(tmp_path / "work")


def test_a_cluster_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataset_builder.engine.on_ray import start

    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:9")
    with pytest.raises(UserError, match=r"Ray at RAY_ADDRESS=127\.0\.0\.1:9 cannot be reached: .*refused"):
        start(ray)


def test_workers_with_other_code_are_refused() -> None:
    from dataset_builder.engine.on_ray import code_here, require_same_code
    from titlecraft.records import Code

    ours = code_here()
    require_same_code(ours)
    with pytest.raises(UserError, match="has another sources and packages than this process"):
        require_same_code(Code(titlecraft=ours.titlecraft, sources="0" * 64, python=ours.python, packages={}))


def test_options_of_the_other_engine_are_refused() -> None:
    with pytest.raises(UserError, match="--workers is for the local engine"):
        require_engine("ray", 2, None)
    with pytest.raises(UserError, match="a URL is for --engine ray"):
        require_engine("local", None, "s3://bucket/work")


def test_without_ray_the_error_says_how_to_get_it(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['ray'] = None\n"
        "from dataset_builder.engine.on_ray import import_ray\n"
        "from titlecraft.errors import UserError\n"
        "try: import_ray()\n"
        "except UserError as error: print(error)"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'titlecraft[ray]'" in process.stdout

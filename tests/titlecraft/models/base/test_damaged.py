"""Each file of a tiny base, adapter and encoder, damaged in each way, gives one line that names the repo."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from evaluation.lookup.encoders import load_encoder
from tests.evaluation.lookup.tiny_encoder import save_encoder
from tests.evaluation.published_world import training_record
from tests.folder_repos import pin_of, use_folders
from tests.tiny_world import add_adapter, make_base, train_tokenizer
from titlecraft.errors import UserError
from titlecraft.models.adapter.load import load
from titlecraft.models.adapter.read import Adapter, read_adapter
from titlecraft.models.base.model import load_base
from titlecraft.prompt import PromptFormat
from titlecraft.records import Pin
from titlecraft.settings import Base, Prompt, Recipe, Training
from training.model.save_adapter import ESSENTIAL
from training.planning.known_base import inspect_base

DATA = Pin(type="dataset", repo="ns/data", revision="d" * 40)
DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda raw: b"",
    "half": lambda raw: raw[: len(raw) // 2],
    "without its last bytes": lambda raw: raw[:-2],  # the very last is a line break in some
    "zeros": lambda raw: bytes(len(raw)),
    "noise": lambda raw: bytes((7 * place + 200) % 256 for place in range(len(raw))),
    "noise in front": lambda raw: b"\xff\xfe\xfd" * 5 + raw[15:],
    "a list": lambda raw: b"[1, 2]",
    "a number": lambda raw: b"42",
    "null": lambda raw: b"null",
    "an empty object": lambda raw: b"{}",
    "another encoding": lambda raw: '{"é": 1}'.encode("latin-1"),
    "nested": lambda raw: b"[" * 100_000,
    "a web page": lambda raw: b"<!DOCTYPE html><html>404</html>",
}
VALUES = (None, 5, -1, "x", [], {}, True, [1, "a"], 1e400)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of a base, an adapter of it, and an encoder."""
    folder, tokenizer = tmp_path_factory.mktemp("world"), train_tokenizer()
    tokenizer.chat_template = "{{ messages[0].content }}"
    base = make_base(len(tokenizer), layers=1)
    base.save_pretrained(folder / "base")
    base.generation_config.save_pretrained(folder / "base")
    tokenizer.save_pretrained(folder / "base")
    (folder / "encoder").mkdir()
    save_encoder(folder / "encoder")
    add_adapter(base).save_pretrained(folder / "adapter")
    (folder / "adapter" / "README.md").unlink()
    return folder


@pytest.fixture
def repos(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    use_folders(monkeypatch)
    shutil.copytree(world, tmp_path / "repos")
    return tmp_path / "repos"


def tried(load_it: Callable[[], Any]) -> str | None:
    """The message of the UserError; None if loading succeeds."""
    try:
        load_it()
    except UserError as error:
        assert "\n" not in str(error) and "is not a Hub" not in str(error), error
        return str(error)
    return None


def each_damage(folder: Path, names: list[str]) -> Any:
    """Damage each file in each way, yield, and restore it."""
    for name in names:
        raw = (folder / name).read_bytes()
        for kind, damage in DAMAGE.items():
            (folder / name).write_bytes(damage(raw))
            yield name, kind
        (folder / name).write_bytes(raw)


def test_a_damaged_base_is_refused(repos: Path) -> None:
    base, names = repos / "base", sorted(file.name for file in (repos / "base").iterdir())
    assert {
        "config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "model.safetensors",
        "chat_template.jinja",
    } <= set(names)
    loads = {}
    recipe = Recipe(base=Base(repo=str(base)), training=Training(backend="trl"))
    for name, kind in each_damage(base, names):
        message = tried(lambda: load_base(pin_of(base), "none", "float32"))
        loads[name, kind] = message is None
        if message and kind not in ("an empty object",) and not name.startswith("model"):
            assert name in message, (name, kind, message)
        planned = tried(lambda: inspect_base(pin_of(base), recipe))  # what dry-run accepts, train runs
        assert (planned == message) if name != "model.safetensors" else (planned and message and name in planned), (
            name,
            kind,
        )
    must = [
        key
        for key, loaded in loads.items()
        if loaded and key[0] in ("config.json", "tokenizer.json", "model.safetensors")
    ]
    assert must == []


def test_a_base_whose_config_has_values_of_another_kind_is_refused_or_loads(repos: Path) -> None:
    base = repos / "base"
    for name in ("config.json", "tokenizer_config.json"):
        full = json.loads((base / name).read_text())
        for number, key in enumerate(full):
            value = VALUES[number % len(VALUES)]
            (base / name).write_text(json.dumps(full | {key: value}))
            tried(lambda: load_base(pin_of(base), "none", "float32"))
        (base / name).write_text(json.dumps(full))


def test_missing_weight_files_of_the_index_are_refused(repos: Path) -> None:
    base = repos / "base"
    make_base(400, layers=1).save_pretrained(base, max_shard_size="150KB")
    (base / "model.safetensors").unlink()
    shards = sorted(file.name for file in base.glob("model-*.safetensors"))
    assert len(shards) > 1 and tried(lambda: load_base(pin_of(base), "none", "float32")) is None
    for name, kind in each_damage(base, ["model.safetensors.index.json", shards[1]]):
        message = tried(lambda: load_base(pin_of(base), "none", "float32"))
        planned = tried(
            lambda: inspect_base(pin_of(base), Recipe(base=Base(repo=str(base)), training=Training(backend="trl")))
        )
        assert message and planned and name in message and name in planned, (name, kind, message, planned)
    (base / shards[0]).unlink()
    assert f"has no {shards[0]}, which its model.safetensors.index.json names" in str(
        tried(lambda: load_base(pin_of(base), "none", "float32"))
    )


def adapter_of(repos: Path) -> Adapter:
    record = training_record(DATA, pin_of(repos / "base"), "none")
    return Adapter(pin_of(repos / "adapter"), record, PromptFormat.from_settings(Prompt()), {})


def test_a_damaged_adapter_is_refused(repos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Either when it is read (by ask, evaluate and export) or when it is loaded."""
    adapter, adapter_inputs = repos / "adapter", adapter_of(repos)
    (adapter / "training_record.json").write_bytes(adapter_inputs.training.to_json())
    prompt = adapter_inputs.prompt.to_json()
    inputs = "titlecraft.models.adapter.read"
    monkeypatch.setattr(f"{inputs}.pin", lambda reference, kind: adapter_inputs.adapter)
    monkeypatch.setattr(
        f"{inputs}.read_file", lambda pinned, name: prompt if pinned == DATA else (adapter / name).read_bytes()
    )
    assert tried(lambda: load(read_adapter("ns/adapter"))) is None
    for name, kind in each_damage(adapter, sorted(file.name for file in adapter.iterdir())):
        message = tried(lambda: read_adapter("ns/adapter"))
        if message is None:
            message = tried(lambda: load(adapter_inputs))
        assert message, (name, kind)
        if kind != "an empty object" or name == "training_record.json":
            assert name in message, (name, kind, message)


def test_an_adapter_whose_config_has_values_of_another_kind_is_refused_or_loads(repos: Path) -> None:
    file = repos / "adapter" / "adapter_config.json"
    full = json.loads(file.read_text())
    for number, key in enumerate(ESSENTIAL):
        for value in (VALUES[number % len(VALUES)], VALUES[(number + 4) % len(VALUES)]):
            file.write_text(json.dumps(full | {key: value}))
            tried(lambda: load(adapter_of(repos)))


def test_missing_or_misshapen_factors_are_refused(repos: Path) -> None:
    """PEFT only warns, and the adapter would differ from the trained one."""
    from safetensors.torch import load_file, save_file

    file = repos / "adapter" / "adapter_model.safetensors"
    full = load_file(file)
    name = next(name for name in full if "lora_B" in name)
    for changed in (
        {key: value for key, value in full.items() if key != name},
        full | {name.replace("layers.0", "layers.7"): full[name].clone()},
        full | {name: torch.zeros(3, 4)},
    ):
        save_file(changed, file)
        message = tried(lambda: load(adapter_of(repos)))
        assert message and (
            "is not the adapter that adapter_config.json describes" in message or "size mismatch" in message
        ), message


def test_a_damaged_encoder_is_refused(repos: Path) -> None:
    encoder = repos / "encoder"
    for name, kind in each_damage(encoder, ["config.json", "model.safetensors", "tokenizer.json"]):
        message = tried(lambda: load_encoder(pin_of(encoder), "retriever"))
        assert message, (name, kind)

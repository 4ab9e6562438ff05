"""Files beside an adapter or a dataset, by literal folders: a forger lists them in SHA256SUMS, so that only their meaning tells."""

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from safetensors.numpy import save_file
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.processors import TemplateProcessing

from model_card.verification.level_card.files.adapter import verify_adapter
from model_card.verification.level_card.files.checksums import verify_files
from model_card.verification.level_card.files.tokenizer import difference
from model_card.verification.level_card.text.configs import patterns_of, takes_in
from model_card.verification.lines.line import Line
from model_card.verification.repo_state import RepoState
from model_card.verification.run import impossible_levels
from tests.model_card.literal_records import ADAPTER, DATASET, dataset_record, training_record
from titlecraft.hub.checksums import SUMS, write_sums
from titlecraft.records import describe_file, file_sha256
from titlecraft.records.export import EXPORT_RECORD
from titlecraft.settings import Lora

CONFIG: dict[str, Any] = {
    "base_model_name_or_path": "ns/base", "peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 4, "lora_alpha": 8,
    "lora_dropout": 0.05, "target_modules": ["q_proj", "v_proj"], "revision": "b" * 40, "peft_version": "0.21.2", "bias": "none",
    "inference_mode": True, "init_lora_weights": True, "fan_in_fan_out": False, "use_dora": False, "alpha_pattern": {},
    "modules_to_save": None, "megatron_core": "megatron.core", "qalora_group_size": 16,
}  # fmt: skip
Change = Callable[[Path], None]


def layers(*names: str) -> dict[str, np.ndarray]:
    """Both factors of these layers, of rank 4."""
    part = {"lora_A.weight": np.ones((4, 16), np.float32), "lora_B.weight": np.ones((16, 4), np.float32)}
    return {f"base_model.model.layers.0.{name}.{factor}": array for name in names for factor, array in part.items()}


def adapter(
    folder: Path, change: Change = lambda folder: None, targets: tuple[str, ...] = ("q_proj", "v_proj")
) -> RepoState:
    """An adapter's repo with a change of a forger's, who mends the record's hashes and SHA256SUMS."""
    (folder / "adapter_config.json").write_text(json.dumps(CONFIG))
    save_file(layers(*(f"self_attn.{name}" for name in targets)), folder / "adapter_model.safetensors")
    for name in ("tokenizer.json", "tokenizer_config.json", "prompt.json", "training_log.jsonl"):
        (folder / name).write_text("{}")
    change(folder)
    files = [describe_file(folder, folder / name) for name in ("adapter_model.safetensors", "adapter_config.json")]
    lora = Lora(r=4, alpha=8, target_modules=list(targets))
    record = msgspec.structs.replace(training_record("llama3"), files=files, lora=lora)
    (folder / "training_record.json").write_bytes(record.to_json())
    return listed(folder, ADAPTER)


def dataset(folder: Path, change: Change = lambda folder: None) -> RepoState:
    """A dataset's repo, in the same way."""
    record = dataset_record()
    for split in record.splits.values():
        for file in split.files:
            write(file.path)(folder)
    for name in ("prompt.json", "quarantine/lines.jsonl", "assets/splits.png", "lineage.json"):
        write(name)(folder)
    change(folder)
    (folder / "dataset_record.json").write_bytes(record.to_json())
    return listed(folder, DATASET)


def listed(folder: Path, pin: Any) -> RepoState:
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != SUMS]
    (folder / SUMS).write_bytes(write_sums({path.relative_to(folder).as_posix(): file_sha256(path) for path in paths}))
    return RepoState.of_folder(pin, folder)


def write(path: str, text: str = "x") -> Change:
    def change(folder: Path) -> None:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)

    return change


def config(**values: Any) -> Change:
    return lambda folder: write("adapter_config.json", json.dumps(CONFIG | values))(folder)


def tensors(**more: np.ndarray) -> Change:
    """Other tensors; of the names, __ stands for a dot."""
    return lambda folder: save_file(
        layers("self_attn.q_proj", "self_attn.v_proj") | {name.replace("__", "."): one for name, one in more.items()},
        folder / "adapter_model.safetensors",
    )


def wrong(lines: list[Line]) -> list[str]:
    return [f"{line.claim}: {line.claimed}" for line in lines if line.verdict == "does not hold"]


def about_names(state: RepoState) -> list[str]:
    return [line for line in wrong(verify_files(state)) if "as the" not in line]


def test_what_titlecraft_publishes_is_in_order(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    state = adapter(tmp_path / "model")
    assert wrong(verify_files(state)) == [] and wrong(verify_adapter(state)) == []
    assert about_names(dataset(tmp_path / "data")) == []


@pytest.mark.parametrize(
    "path",
    [
        "adapter_model.bin", "pytorch_model.bin", "model.safetensors", "model-00001-of-00002.safetensors", "model.safetensors.index.json",
        "weights/adapter_model.safetensors", "x.pt", "x.PTH", "x.ckpt", "x.pkl", "x.gguf", "modeling_llama.py", "sub/handler.py",
        "config.json", "generation_config.json", "adapter_config2.json", "adapter_config.json.bak", "better/adapter_config.json",
        "tokenizer.model.bak", "tokenizer_config.old.json", "chat_template2.jinja", "additional_chat_templates/x.jinja",
        ".eval_results/mmlu.yaml", "evaluation/x.png", "evaluation/0123/report.html", "adapter_mоdel.safetensors", "ADAPTER_MODEL.BIN",
    ],
)  # fmt: skip
def test_a_file_that_would_be_loaded_beside_ours_is_refused_though_it_is_listed(tmp_path: Path, path: str) -> None:
    assert path in about_names(adapter(tmp_path, write(path)))[0]


@pytest.mark.parametrize(
    "path",
    ["data/test-00001-of-00002.parquet", "data/hidden.parquet", "data/more.csv", "data/more.jsonl.gz", "data/sub/x.arrow", "loader.py",
     "dataset_infos.json", ".eval_results/x.yaml", "quarantine/more.jsonl"],
)  # fmt: skip
def test_data_that_no_record_lists_is_refused(tmp_path: Path, path: str) -> None:
    (found,) = about_names(dataset(tmp_path, write(path)))
    assert path in found


def test_a_persons_files_are_listed_and_not_looked_at(tmp_path: Path) -> None:
    for number, path in enumerate(("notes.txt", "data/README.md", "assets/mine.jpg", "extra/mine.parquet")):
        state = dataset(tmp_path / str(number))
        write(path)(state.folder)
        lines = verify_files(RepoState.of_folder(DATASET, state.folder))
        assert [line for line in wrong(lines) if "as the" not in line] == []
        assert [(line.claimed, line.verdict) for line in lines if line.claim == "files: not ours"] == [
            (path, "not looked at")
        ]


@pytest.mark.parametrize(
    "change",
    [
        config(alpha_pattern={"q_proj": 80}), config(rank_pattern={"q_proj": 8}), config(use_rslora=True), config(use_dora=True),
        config(modules_to_save=["lm_head"]), config(layers_to_transform=[0]), config(exclude_modules=["q_proj"]), config(bias="all"),
        config(init_lora_weights="pissa"), config(init_lora_weights=1), config(fan_in_fan_out=True), config(peft_type="IA3"),
        config(task_type="SEQ_CLS"), config(auto_mapping={"base_model_class": "X", "parent_library": "x"}), config(something_new=3),
        config(layer_replication=[[0, 1]]), config(trainable_token_indices=[1]), config(lora_bias=True), config(megatron_core="x"),
        write("adapter_config.json", json.dumps(CONFIG)[:-1] + ', "use_dora": true}'), write("adapter_config.json", "["),
        write("adapter_config.json", "[" * 100_000),
    ],
)  # fmt: skip
def test_a_key_that_training_does_not_set_is_refused(tmp_path: Path, change: Change) -> None:
    assert len(wrong(verify_adapter(adapter(tmp_path, change)))) == 1


def test_an_exported_model_points_to_its_adapter(tmp_path: Path) -> None:
    (tmp_path / EXPORT_RECORD).write_text("{}")
    whys = set(impossible_levels(RepoState.of_folder(ADAPTER, tmp_path)).values())
    assert whys == {
        "an exported model has no training_record.json: verify the adapter that its export_record.json names"
    }


@pytest.mark.parametrize("transposed", [True, False])
def test_a_transposed_layer_may_be_called_so(tmp_path: Path, transposed: bool) -> None:
    change = config(fan_in_fan_out=transposed, target_modules=["c_attn"])
    assert wrong(verify_adapter(adapter(tmp_path, change, ("c_attn",)))) == []


def test_a_class_of_transformers_may_be_named(tmp_path: Path) -> None:
    mapping = {"base_model_class": "LlamaForCausalLM", "parent_library": "transformers.models.llama.modeling_llama"}
    assert wrong(verify_adapter(adapter(tmp_path, config(auto_mapping=mapping, exclude_modules=None)))) == []


def raw(header: bytes, length: int | None = None, body: bytes = b"") -> Change:
    data = struct.pack("<Q", len(header) if length is None else length) + header + body
    return lambda folder: (folder / "adapter_model.safetensors").write_bytes(data) and None


@pytest.mark.parametrize(
    "change",
    [
        tensors(base_model__lm_head__weight=np.ones((16, 4), np.float32)),
        tensors(base_model__model__layers__0__k_proj__lora_A__weight=np.ones((4, 16), np.float32)),
        tensors(base_model__model__layers__0__self_attn__q_proj__lora_A__weight=np.ones((8, 16), np.float32)),
        tensors(base_model__model__layers__0__self_attn__q_proj__lora_A__weight=np.full((4, 16), np.nan, np.float32)),
        tensors(base_model__model__layers__0__self_attn__q_proj__lora_A__weight=np.full((4, 16), np.inf, np.float16)),
        tensors(base_model__model__layers__0__self_attn__q_proj__lora_magnitude_vector__weight=np.ones(16, np.float32)),
        lambda folder: save_file(layers("self_attn.q_proj"), folder / "adapter_model.safetensors"),
        lambda folder: (folder / "adapter_model.safetensors").write_bytes((folder / "adapter_model.safetensors").read_bytes() + b"x"),
        raw(b"{}", 1 << 62), raw(b"[" * 50_000), raw(b"{}"), raw(b""), raw(b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 400]}}'),
        raw(b'{"a": {"dtype": "F32", "shape": [-1], "data_offsets": [4, 0]}}'),
    ],
)  # fmt: skip
def test_tensors_that_are_not_what_the_record_says_are_refused(tmp_path: Path, change: Change) -> None:
    assert wrong(verify_adapter(adapter(tmp_path, change)))


def test_no_other_file_of_this_machine_is_opened(tmp_path: Path) -> None:
    """A path that leads out of the repo is no file of it, whatever lies there."""
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "repo").mkdir()
    state = adapter(tmp_path / "repo")
    for path in ("../secret", str(tmp_path / "secret"), "../../../../../etc/passwd", "assets/../../secret"):
        sums = (state.folder / SUMS).read_text() + f"{file_sha256(tmp_path / 'secret')}  {path}\n"
        (state.folder / SUMS).write_text(sums)
        assert state.file(path) is None and state.read(path) is None
    assert [line for line in wrong(verify_files(state)) if "sha256 of" in line and "secret" in line]


def tiny_tokenizer(swapped: bool = False) -> Tokenizer:
    """A tokenizer of four letters; or one whose ids of two letters have changed places."""
    letters = "bacd" if swapped else "abcd"
    tokenizer = Tokenizer(BPE({letter: number for number, letter in enumerate([*letters, "<s>"])}, [], unk_token=None))
    tokenizer.add_special_tokens(["<s>"])
    return tokenizer


class Base:
    """What is asked of the base's tokenizer."""

    bos_token_id, bos_token, eos_token, pad_token = 4, "<s>", "</s>", "<s>"

    def __call__(self, text: str, add_special_tokens: bool) -> dict[str, list[int]]:
        return {"input_ids": tiny_tokenizer().encode(text, add_special_tokens=add_special_tokens).ids}


def test_a_tokenizer_is_compared_by_what_it_does() -> None:
    made = tiny_tokenizer().to_str().encode()
    assert difference("tokenizer.json", made, made, None) is None
    assert difference("tokenizer.json", tiny_tokenizer().to_str(pretty=True).encode(), made, None) is None
    assert difference("tokenizer.json", tiny_tokenizer(swapped=True).to_str().encode(), made, Base()) == "other model"
    begins = tiny_tokenizer()
    begins.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 4)])
    assert difference("tokenizer.json", begins.to_str().encode(), made, Base()) is None
    begins.post_processor = TemplateProcessing(single="<s> $A <s>", special_tokens=[("<s>", 4)])
    assert difference("tokenizer.json", begins.to_str().encode(), made, Base()) == "other post_processor"
    with pytest.raises(Exception, match=r"."):
        difference("tokenizer.json", b"{}", made, Base())


def test_settings_of_a_tokenizer_are_the_bases() -> None:
    base = {"eos_token": {"content": "</s>"}, "padding_side": "left", "chat_template": "{{ x }}", "is_local": False}
    made = json.dumps(base).encode()

    def said(**values: Any) -> str | None:
        return difference("tokenizer_config.json", json.dumps(base | values).encode(), made, None)

    assert said(eos_token="</s>", pad_token="<s>", name_or_path="/tmp/x", extra_special_tokens={}) is None
    assert said(chat_template=None) is None
    assert said(padding_side="right") == "padding_side = right" and said(eos_token="a") == "eos_token = a"
    assert said(chat_template="{{ y }}") == "another chat_template"
    assert said(auto_map={"AutoTokenizer": ["x.py", None]}) and said(add_bos_token=True)
    assert (
        difference("special_tokens_map.json", b'{"eos_token": "</s>", "pad_token": {"content": "<s>"}}', None, Base())
        is None
    )
    assert difference("special_tokens_map.json", b'{"eos_token": "a"}', None, Base()) == "eos_token = a"
    assert difference("chat_template.jinja", b"x", None, Base()) and difference(
        "chat_template.jinja", b"x", b"y", Base()
    )


def test_which_files_a_config_would_load() -> None:
    ours = ["data/train-00000-of-00001.parquet", "data/test-00000-of-00001.parquet"]
    loads = [
        "data/*.parquet",
        "**",
        "**/*.parquet",
        "./data/test*",
        "data",
        "data/",
        "*/train-*",
        "data/{train,test}*",
        "../x/data",
        "hf://x",
    ]
    assert [pattern for pattern in loads if not takes_in(pattern, ours)] == []
    assert not any(takes_in(pattern, ours) for pattern in ("extra/*.parquet", "data/mine.csv", "mine"))
    assert patterns_of({"data_files": [{"split": "a", "path": ["x", "y"]}, {"path": "z"}]}) == ["x", "y", "z"]
    assert patterns_of({}) == ["**"] and patterns_of({"data_dir": "data"}) == ["data/**"]
    assert patterns_of({"data_dir": "a", "data_files": {"train": "b"}}) == ["a/b"]

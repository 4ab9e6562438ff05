"""Published repos with unmodified clients, in fresh processes with only the three variables set."""

import re
import shutil
from pathlib import Path

import pytest

from tests.main_job.conftest import ADAPTER, BASE, DATASET, World
from titlecraft.records import DATASET_RECORD, DatasetRecord, read_record

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("published")]


def say(world: World, code: str) -> str:
    """The output of a user's script, which must succeed."""
    process = world.python(code)
    assert process.returncode == 0, process.stderr[-3000:]
    return process.stdout.strip()


def test_load_dataset_plain_streaming_at_a_tag_and_at_a_sha(world: World) -> None:
    output = say(
        world,
        f"""
from datasets import load_dataset
from huggingface_hub import HfApi
sha = HfApi().dataset_info("{DATASET}").sha
HfApi().create_tag("{DATASET}", tag="v1", repo_type="dataset", exist_ok=True)
plain = load_dataset("{DATASET}")
streamed = load_dataset("{DATASET}", streaming=True)
tagged = load_dataset("{DATASET}", revision="v1", split="test")
pinned = load_dataset("{DATASET}", revision=sha, split="test")
assert list(plain["train"].features) == ["uid", "title", "instruction", "input", "output"]
assert list(streamed["test"]) == list(plain["test"])  # to its end: a stream that is left open can abort Python at its exit
assert tagged[:] == pinned[:] == plain["test"][:]
print({{name: len(split) for name, split in plain.items()}})
""",
    )
    raw = world.python(f"""
from huggingface_hub import hf_hub_download
print(hf_hub_download("{DATASET}", "{DATASET_RECORD}", repo_type="dataset"))
""").stdout.strip()
    record = read_record(Path(raw).read_bytes(), DatasetRecord, raw)
    assert output == str({name: split.rows for name, split in record.splits.items()})
    accounted = record.published + sum(record.dropped.values()) + sum(record.quarantined.values())
    assert accounted == record.source.lines == 1500


def test_the_adapter_loads_in_every_way(world: World) -> None:
    """AutoModel with AutoTokenizer, PeftModel on the pinned base, and a pipeline give the same answers."""
    output = say(
        world,
        f"""
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, pipeline
tokenizer = AutoTokenizer.from_pretrained("{ADAPTER}")
inputs = tokenizer("A red kettle", return_tensors="pt", return_token_type_ids=False)
assert inputs["input_ids"][0].tolist().count(tokenizer.bos_token_id) == 1
auto = AutoModelForCausalLM.from_pretrained("{ADAPTER}")
peft = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained("{BASE}"), "{ADAPTER}")
with torch.no_grad():
    assert torch.equal(auto(**inputs).logits, peft(**inputs).logits)
    with peft.disable_adapter():
        assert not torch.equal(auto(**inputs).logits, peft(**inputs).logits)
answer = pipeline("text-generation", model="{ADAPTER}")("A red kettle", max_new_tokens=4, do_sample=False)
print(answer[0]["generated_text"])
""",
    )
    assert output.startswith("A red kettle")


def test_the_card_metadata(world: World) -> None:
    output = say(
        world,
        f"""
from huggingface_hub import ModelCard, DatasetCard
data = ModelCard.load("{ADAPTER}").data
print(data.base_model, data.datasets, data.library_name, data.license, data.pipeline_tag)
print(sorted(result.metric_type for result in data.eval_results))
print(DatasetCard.load("{DATASET}").data.license)
""",
    )
    first, measures, licence = output.splitlines()
    assert first == f"{BASE} ['{DATASET}'] peft mit text-generation"
    assert {"nll_per_token", "chrf", "rouge_l", "length_ratio", "stop_rate"} <= set(re.findall(r"'(\w+)'", measures))
    assert licence == "unknown"


def test_the_cards_quick_start_runs(world: World) -> None:
    """The snippet of the card runs unchanged."""
    card = world.python(f"""
from huggingface_hub import ModelCard
print(ModelCard.load("{ADAPTER}").text)
""").stdout
    snippet = re.search(r"```python\n(.*?)```", card, re.DOTALL)
    assert snippet, card
    assert re.search(r'revision="[0-9a-f]{40}"', snippet[1])
    say(world, snippet[1])


def test_hf_download_and_upload(world: World) -> None:
    hf = shutil.which("hf") or str(Path(world.python("import sys; print(sys.executable)").stdout.strip()).parent / "hf")
    down = world.run(hf, "download", ADAPTER, "--local-dir", "down")
    assert down.returncode == 0, down.stderr
    assert (world.folder / "down" / "adapter_model.safetensors").stat().st_size > 1000
    (world.folder / "note.txt").write_text("hello")
    up = world.run(hf, "upload", "titlecraft/notes", "note.txt", "note.txt")
    assert up.returncode == 0, up.stderr
    read = "from huggingface_hub import hf_hub_download as d; print(open(d('titlecraft/notes', 'note.txt')).read())"
    assert say(world, read) == "hello"


def test_dataset_and_adapter_name_each_other(world: World, published: dict[str, str]) -> None:
    """Training and evaluation both list the adapter, and the dataset's data revision is unchanged."""
    data, adapter = re.search(rf"{DATASET}@\w+", published["build"]), re.search(rf"{ADAPTER}@\w+", published["train"])
    for stage in ("train", "evaluate"):
        assert f"listed on the dataset's card: {DATASET}@" in published[stage]
    output = world.titlecraft("lineage", ADAPTER).stdout
    assert (
        data
        and adapter
        and f"dataset {data[0]}" in output
        and f"adapter {adapter[0]}" in output
        and ", n = 40: " in output
    )
    assert world.titlecraft("lineage", f"datasets/{DATASET}").stdout.count(adapter[0]) == 1


def test_a_second_run_reuses_published_results(world: World, published: dict[str, str]) -> None:
    for name, command in {
        "build": ["build", "trn.json.gz", "--repo", DATASET],
        "train": ["train", "--dataset", DATASET, "--repo", ADAPTER],
    }.items():
        process = world.titlecraft(*command, "--recipe", "recipe.yaml")
        assert process.returncode == 0, process.stderr
        assert "nothing to do" in process.stdout and "listed on" not in process.stdout
        if name == "build":
            assert process.stdout.splitlines()[1] == published["build"].splitlines()[0]
    process = world.titlecraft("evaluate", "--adapter", ADAPTER, "--recipe", "recipe.yaml")
    assert process.returncode == 0, process.stderr
    assert process.stdout.splitlines()[-1].endswith("report.html")
    assert "nothing to do" in world.titlecraft("card", ADAPTER).stdout


def test_a_finished_training_is_published_without_training_again(world: World) -> None:
    train = ["train", "--dataset", DATASET, "--repo", "titlecraft/second", "--recipe", "recipe.yaml"]
    failing = f"""
import sys
import training.publishing.publish
from titlecraft.command_line.main import main
from titlecraft.errors import UserError
def publish(*args, **kwargs):
    raise UserError("the Hub is gone")
training.publishing.publish.publish = publish
sys.exit(main({train!r}))
"""
    failed = world.python(failing)
    assert failed.returncode == 2 and "error: the Hub is gone" in failed.stderr, failed.stderr
    process = world.titlecraft(*train)
    assert process.returncode == 0, process.stderr
    assert "training had finished already" in process.stdout and "step/s" not in process.stderr


def test_a_retrained_adapter_has_no_report_until_it_is_evaluated(world: World) -> None:
    """The card depends only on the current files of the repo."""
    card = "from huggingface_hub import ModelCard; print(ModelCard.load('titlecraft/second').text)"
    short = ["--recipe", "recipe.yaml", "--generation.max_new_tokens=4"]
    evaluate = ["evaluate", "--adapter", "titlecraft/second", *short]
    assert "Not evaluated." in say(world, card)
    assert world.titlecraft(*evaluate, "--evaluation.titles=30").returncode == 0
    assert "on 30 held-out titles" in say(world, card)
    assert world.titlecraft(*evaluate).returncode == 0
    assert "on 40 held-out titles" in say(world, card)
    assert "nothing to do" in world.titlecraft("card", "titlecraft/second").stdout

"""`titlecraft export`: the published files, the record and card, and refusals."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from playground.export.gguf_header import read_header
from tests import present
from tests.evaluation.served_world import ROOT
from tests.playground.export.exporting import ADAPTER, BASE, Desk, Outcome, desk
from titlecraft.records import read_record
from titlecraft.records.export import ExportRecord

pytestmark = pytest.mark.slow

MERGED, GGUF, RACED = f"{ADAPTER}-merged", f"{ADAPTER}-gguf", "titlecraft/raced"
MERGE = ["export", "--adapter", ADAPTER, "--to", "merged"]
CONVERT = ["export", "--adapter", ADAPTER, "--to", "gguf"]

LOGITS = """
import re, sys, torch
from huggingface_hub import hf_hub_download
from peft import PeftModel
from transformers import AutoModelForCausalLM, BitsAndBytesConfig
four_bit = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True)
base = AutoModelForCausalLM.from_pretrained({base!r}, quantization_config=four_bit, dtype=torch.float32)
from titlecraft.models.base.model import keep_four_bit_layers_as_they_are
keep_four_bit_layers_as_they_are(base)  # on some CPUs they would round to bfloat16 in eval mode
ids = torch.arange(3, 60)[None]
tuned = PeftModel.from_pretrained(base, {adapter!r}).eval()
merged = AutoModelForCausalLM.from_pretrained({merged!r}).eval()
assert merged.dtype == torch.float32 and not hasattr(merged.config, "quantization_config")
with torch.no_grad(), tuned.disable_adapter():
    alone = tuned(ids).logits
with torch.no_grad():
    print(float((tuned(ids).logits - merged(ids).logits).abs().max()), float((alone - merged(ids).logits).abs().max()))
card = open(hf_hub_download({merged!r}, "README.md")).read()
ours, vllm = re.findall(r"```python\\n(.*?)```", card, re.DOTALL)
compile(vllm, "vllm", "exec")
torch.manual_seed(0)
found = dict()
exec(compile(ours, "transformers", "exec"), found)
from titlecraft.prompt import PromptFormat, encode_prompt
title = "A '{{input}}' lamp </s> \\U0001f600"
asked = []
found["model"].generate = lambda ids: asked.append(ids[0].tolist()) or ids
found["describe"](title)
format = PromptFormat(**found["wording"])
assert asked == [encode_prompt(found["tokenizer"], format.render_title(title))], asked
"""


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(tmp_path_factory.mktemp("export")) as user:
        llama = user.folder / "llama.cpp"
        llama.mkdir()
        shutil.copy(ROOT / "tests" / "playground" / "export" / "fake_converter.py", llama / "convert_hf_to_gguf.py")
        yield user


@pytest.fixture(scope="module")
def done(user: Desk) -> dict[str, Outcome]:
    """The outcomes of exports."""
    kept = ["LLAMA_CPP=llama.cpp", *CONVERT, "--quantize", "F16,bf16", "--out", "kept", "--titles", "30"]
    return user.session(
        {
            "merged": MERGE,
            "converter fails": ["FAKE_CONVERTER=fails", *CONVERT, "--llama-cpp", "llama.cpp"],
            "gguf": [*CONVERT, "--llama-cpp", "llama.cpp", "--public"],
            "raced": [f"FAKE_CONVERTER={RACED}", *CONVERT, "--llama-cpp", "llama.cpp", "--repo", RACED],
            "kept": kept,
            "kept again": kept,
            "out": [*MERGE, "--out", "llama.cpp"],
            "verified": ["verify", MERGED, "--full"],
            "verified gguf": ["verify", GGUF, "--brief"],
        }
    )


TAMPERED = """
import json, shutil, tempfile
from pathlib import Path
from model_card.verification.repo_state import RepoState
from model_card.verification.run import find, verify_state
from playground.export.card import render
from playground.export.verification import record_of, verify_export
state = RepoState.download(find({repo!r}))
def record(**changes):
    def change(folder):
        values = json.loads((folder / "export_record.json").read_text())
        for name, value in changes.items():
            section = values["check"] if name in values["check"] else values
            section[name] = value
        (folder / "export_record.json").write_text(json.dumps(values, indent=2))
        (folder / "README.md").write_text(render(state.pin.repo, record_of(RepoState(state.pin, folder, state.paths))))
    return change
def card(old, new):
    def change(folder):
        text = (folder / "README.md").read_text()
        assert old in text, old
        (folder / "README.md").write_text(text.replace(old, new, 1))
    return change
first = json.loads((state.folder / "export_record.json").read_text())
for name, change in {{
    "nothing": lambda folder: None,
    "a better merged model": record(nll_merged=0.1),
    "a tolerance of nothing": record(tolerance=0.0),
    "another base": record(base=first["adapter"]),
    "another licence": record(licence=first["licence"] | {{"id": "apache-2.0"}}),
    "other sums": record(files=[file | {{"sha256": "0" * 64}} for file in first["files"]]),
    "a file for Ollama without a sum": record(ollama_files=["params"]),
    "a number of the card": card(f"{{first['check']['nll_merged']:.4f}}", "0.1000"),
    "a base of the card": card("base_model: ", "base_model: x"),
    "a result on the card": card("<!-- /titlecraft:export -->", "<!-- /titlecraft:export -->\\n\\n## Results\\n\\nNLL per token 0.1\\n"),
}}.items():
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for path in ("README.md", "export_record.json"):
            shutil.copy(state.folder / path, folder / path)
        change(folder)
        result = verify_state(RepoState(state.pin, folder, state.paths), "card", [], None, verify_export)
        print(name, "|", result.verdict, "|", "; ".join(line.claim for line in result.failures()))
"""


def test_an_export_is_verified_against_its_adapter_and_each_forgery_is_refused(
    user: Desk, done: dict[str, Outcome]
) -> None:
    for name in ("verified", "verified gguf"):
        assert done[name].status == 0, done[name].out
    assert "only the models could tell" in done["verified"].out and "cannot show" in done["verified gguf"].out
    lines = [line.split(" | ") for line in user.say(TAMPERED.format(repo=MERGED)).splitlines() if " | " in line]
    verdicts = {name: verdict for name, verdict, _ in lines}
    assert verdicts.pop("nothing") == "holds" and len(verdicts) == 9
    assert set(verdicts.values()) == {"does not hold"}, lines


@pytest.fixture(scope="module")
def attempts(user: Desk, done: dict[str, Outcome]) -> dict[str, Outcome]:
    """The outcomes of commands that load no model."""
    user.say(f"from huggingface_hub import HfApi; HfApi().delete_repo({RACED!r})")
    return user.session(
        {
            "again": MERGE,
            "raced again": [*CONVERT, "--llama-cpp", "llama.cpp", "--repo", RACED],
            "no adapter": ["export", "--adapter", BASE, "--to", "merged"],
            "nowhere": ["export", "--adapter", "titlecraft/nowhere", "--to", "merged"],
            "taken": [*MERGE, "--repo", ADAPTER],
            "somebody": [*MERGE, "--repo", "somebody/mine"],
            "read token": [f"HF_TOKEN={user.hub.read_token}", *MERGE],
            "onnx": ["export", "--adapter", ADAPTER, "--to", "onnx"],
            "quantised merge": [*MERGE, "--quantize", "q8_0"],
            "two places": [*MERGE, "--repo", "titlecraft/a", "--out", "a"],
            "no titles": [*MERGE, "--titles", "0"],
            "twice": [*CONVERT, "--quantize", "q8_0,q8_0"],
            "no use of rows": [*CONVERT, "--quantize", "q8_0", "--importance-rows", "9"],
        },
        fresh=True,
    )


def published(user: Desk, repo: str) -> tuple[ExportRecord, str, list[str]]:
    """The record, the card and the file names at the head of an exported model."""
    output = user.say(f"""
import json
from huggingface_hub import HfApi, hf_hub_download
read = lambda name: open(hf_hub_download({repo!r}, name)).read()
print(json.dumps([read("export_record.json"), read("README.md"), HfApi().list_repo_files({repo!r}), HfApi().model_info({repo!r}).private]))
""")
    record, card, files, private = json.loads(output)
    assert private is (repo == MERGED)
    return read_record(record.encode(), ExportRecord, repo), card, sorted(files)


def test_the_record_of_a_merged_model_has_its_inputs_and_check(user: Desk, done: dict[str, Outcome]) -> None:
    record, card, files = published(user, MERGED)
    assert files == [
        ".gitattributes",
        "README.md",
        "SHA256SUMS",
        "chat_template.jinja",
        "config.json",
        "export_record.json",
        "generation_config.json",
        "model.safetensors",
        "prompt.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    pins = {pin.repo: f"{pin.repo}@{pin.revision}" for pin in (record.adapter, record.base, record.dataset)}
    assert pins == user.pins
    assert (record.form, record.quantization, record.dtype, record.parameters) == ("merged", "nf4", "float32", 125_248)
    check = present(record.check)
    assert (check.titles, check.split, check.seed, check.tolerance) == (64, "test", 7, 1e-4)
    assert abs(check.difference) < 1e-5 < abs(check.nll_adapter - check.nll_base)
    assert check.difference == check.nll_merged - check.nll_adapter and 0 < check.largest_logit_difference < 1e-3
    assert f"Difference in NLL on 64 titles: {check.difference:+.2g} nats per token" in card
    assert card.startswith("---\nbase_model: titlecraft/tiny-base\n") and "\nbase_model_relation: finetune\n" in card
    assert (
        "\nlicense: mit\n" in card and f"`{record.adapter.revision}`" in card and f"`{record.dataset.revision}`" in card
    )
    assert (
        f"({check.difference:+.2g} nats per token, 64 titles; the base alone {check.nll_base:.4f})"
        in done["merged"].out
    )


@pytest.mark.usefixtures("done")
def test_unmodified_clients_and_the_cards_code_use_the_merged_model(user: Desk) -> None:
    """The logits equal those of PEFT on the 4-bit base; the card's code runs with the prompt tokens of training."""
    code = LOGITS.format(base=BASE, adapter=ADAPTER, merged=MERGED)
    same, other = (float(number) for number in user.say(code).splitlines()[0].split())
    assert same < 1e-3 < 0.05 < other


def test_the_same_export_again_is_a_no_op(done: dict[str, Outcome], attempts: dict[str, Outcome]) -> None:
    second = attempts["again"]
    lines = second.out.splitlines()
    assert lines[0] == f"nothing to do: {MERGED} is the export of this very adapter, base, settings and code"
    assert lines[1:] == done["merged"].out.splitlines()[1 - len(lines) :] and not second.torch


def test_a_failed_conversion_continues_from_the_merge(user: Desk, done: dict[str, Outcome]) -> None:
    message = done["converter fails"].refusal()
    assert "convert_hf_to_gguf.py does not know the tokenizer of this base" in message and "--to merged" in message
    assert done["gguf"].out.startswith("already merged; continuing with ") and "loading" not in done["gguf"].out
    record, card, files = published(user, GGUF)
    assert files == [
        ".gitattributes",
        "Modelfile",
        "README.md",
        "SHA256SUMS",
        "export_record.json",
        "params",
        "prompt.json",
        "template",
        "tiny-adapter-Q8_0.gguf",
    ]
    gguf = present(record.gguf)
    converter = present(gguf.converter)
    assert (gguf.type, gguf.version, gguf.tensors) == ("q8_0", 3, 21)
    assert converter.script == "convert_hf_to_gguf.py" and len(converter.sha256) == 64
    assert [file.path for file in record.files] == [
        "tiny-adapter-Q8_0.gguf",
        "Modelfile",
        "params",
        "template",
        "prompt.json",
    ]
    assert record.ollama_files == ("Modelfile", "params", "template") and record.chat_template
    (file,) = record.gguf_files
    assert (file.type, file.nll) == ("q8_0", None) and "the loss of the GGUF files is not measured" in done["gguf"].out
    assert f"ollama run hf.co/{GGUF}:Q8_0" in card and f"llama-server -hf {GGUF}:Q8_0" in card
    assert (
        "\nbase_model_relation: quantized\n" in card
        and "to q8_0; the effect of the conversion was not measured." in card
    )
    (code,) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    compile(code, "llama_cpp", "exec")
    assert f'repo, file = "{GGUF}", "tiny-adapter-Q8_0.gguf"' in code and "create_chat_completion" in code


def test_an_unpublished_export_is_kept_and_published_later(
    user: Desk, done: dict[str, Outcome], attempts: dict[str, Outcome]
) -> None:
    message = done["raced"].refusal()
    assert f"somebody else published to model {RACED} in the meantime" in message
    folder = present(re.search(r"the model is complete in (\S+), and the same command publishes it", message))[1]
    assert attempts["raced again"].out.startswith(f"already exported; continuing with {folder}\nGGUF q8_0: ")
    assert f"{RACED}@" in attempts["raced again"].out and not Path(folder).exists()
    assert f"{RACED.split('/')[1]}-Q8_0.gguf" in user.say(
        f"from huggingface_hub import HfApi; print(HfApi().list_repo_files({RACED!r}))"
    )


def test_export_to_a_folder(user: Desk, done: dict[str, Outcome]) -> None:
    out = user.folder / "kept"
    assert done["kept"].status == 0 and "\nGGUF f16, bf16: NLL " in done["kept"].out and "30 titles" in done["kept"].out
    files = {file.name: file.read_bytes() for file in out.iterdir()}
    ollama = ["Modelfile", "params", "template"]
    assert sorted(files) == sorted(
        ["README.md", "export_record.json", "kept-BF16.gguf", "kept-F16.gguf", "prompt.json", *ollama]
    )
    assert "2 GGUF files (f16, bf16) for llama.cpp" in files["README.md"].decode()
    assert json.loads(files["params"])["stop"] == ["</s>"] and b"FROM ./kept-F16.gguf\n" in files["Modelfile"]
    for name in ("kept-F16.gguf", "kept-BF16.gguf"):
        assert read_header(out / name).values["tokenizer.ggml.add_bos_token"] is True  # the converter wrote false
    assert sorted(file.name for file in user.folder.iterdir()) == ["kept", "llama.cpp"]
    assert done["kept again"].out.startswith("nothing to do: kept is the export of this very adapter")
    assert "--out llama.cpp holds something else" in done["out"].refusal()


def test_user_errors_are_one_line_with_the_fix(attempts: dict[str, Outcome]) -> None:
    refusals = {name: outcome.refusal() for name, outcome in attempts.items() if not name.endswith("again")}
    assert not any(outcome.torch for outcome in attempts.values())
    assert f"{BASE}@" in refusals["no adapter"] and "has no training_record.json" in refusals["no adapter"]
    assert "has no model titlecraft/nowhere" in refusals["nowhere"]
    assert f"model {ADAPTER} holds 3 files that this command did not publish" in refusals["taken"]
    assert "no write right on somebody/mine" in refusals["somebody"]
    assert f"no write right on {MERGED}" in refusals["read token"]
    assert "argument --to: invalid choice: 'onnx' (choose from 'merged', 'gguf', 'gguf-adapter')" in refusals["onnx"]
    assert "never merged into 4 bit" in refusals["quantised merge"]
    assert "not both" in refusals["two places"]
    assert "--titles 0: expected at least 1" in refusals["no titles"]
    assert "--quantize names q8_0 twice: expected each type once" in refusals["twice"]
    assert "--importance-rows 9: expected a number of rows, and a --quantize that uses" in refusals["no use of rows"]

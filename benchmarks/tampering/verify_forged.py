"""python benchmarks/forgeries.py ADAPTER DATASET [--hub …]

Lies that a forger would tell on a published adapter and its dataset, one after another, and whether `titlecraft verify` refuses
each: benchmarks/results/forgeries.json. Each is told on a copy of what the Hub of the environment serves; the forger knows our
code, and mends SHA256SUMS and every hash and size in the records afterwards. Nothing is published.
"""

import argparse
import json
import shutil
import struct
import sys
import tempfile
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[1]
if __name__ == "__main__":
    sys.path[0] = str(HERE.parent)  # in the place of this folder, whose evaluation.py would hide the package
RESULTS = HERE / "results" / "forgeries.json"
OPENS, ENDS = "<!-- titlecraft:result -->", "<!-- /titlecraft:result -->"
LEVELS = ("card", "scores", "predictions")  # until one refuses
Change = Callable[[Path], None]


def card(change: Callable[[str], str]) -> Change:
    """Write README.md anew."""

    def apply(folder: Path) -> None:
        text = (folder / "README.md").read_text(encoding="utf-8")
        changed = change(text)
        assert changed != text, "nothing was forged"
        (folder / "README.md").write_text(changed, encoding="utf-8")

    return apply


def result_of(text: str) -> str:
    """The result's section, with its marks."""
    return text[text.index(OPENS) : text.index(ENDS) + len(ENDS)]


def nicer(text: str) -> str:
    """A section with another figure in the place of each 0."""
    return text.replace("0.", "0.0")


def behind(text: str) -> Change:
    """A text at the end of the card."""
    return card(lambda old: f"{old}\\n{text}\\n".replace("\\n", "\n"))


def front(lines: str) -> Change:
    """Lines at the end of the front matter."""
    return card(lambda old: old.replace("\n---\n", f"\n{lines}\n---\n", 1))


def swap(old: str, new: str) -> Change:
    """One text of the card for another."""
    return card(lambda text: text.replace(old, new, 1))


def hidden_original(text: str) -> str:
    """The handed case: a nicer section above, and ours behind a summary."""
    real = result_of(text)
    return f"{text.replace(real, nicer(real))}\n<details><summary> </summary>\n\n{real}\n\n</details>\n"


def put(path: str, content: bytes | str) -> Change:
    """A file more, or another content."""

    def apply(folder: Path) -> None:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)

    return apply


def copy(source: str, target: str) -> Change:
    """A file's bytes under another name."""
    return lambda folder: put(target, next(folder.glob(source)).read_bytes())(folder)


def set_json(path: str, change: Callable[[dict[str, Any]], None]) -> Change:
    """Change a JSON file in place."""

    def apply(folder: Path) -> None:
        file = next(folder.glob(path))
        found = json.loads(file.read_text(encoding="utf-8"))
        change(found)
        file.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    return apply


def config(**values: Any) -> Change:
    """Keys of adapter_config.json."""
    return set_json("adapter_config.json", lambda found: found.update(values))


def settings(**values: Any) -> Change:
    """Keys of tokenizer_config.json."""
    return set_json("tokenizer_config.json", lambda found: found.update(values))


def exchange_tokens(found: dict[str, Any]) -> None:
    """Two tokens of a tokenizer.json change places."""
    vocabulary = found["model"]["vocab"]
    one, other = sorted(vocabulary)[300:302]
    vocabulary[one], vocabulary[other] = vocabulary[other], vocabulary[one]


def drop_merge(found: dict[str, Any]) -> None:
    """A tokenizer.json without its last merge."""
    found["model"]["merges"].pop()


def weights(change: Callable[[dict[str, Any]], None]) -> Change:
    """Change the tensors of the adapter."""

    def apply(folder: Path) -> None:
        from safetensors.numpy import load_file, save_file

        file = folder / "adapter_model.safetensors"
        found = load_file(file)
        change(found)
        save_file(found, file, metadata={"format": "pt"})

    return apply


def scale(found: dict[str, Any], by: float) -> None:
    """All numbers of the first tensor, times a factor."""
    name = sorted(found)[0]
    found[name] = found[name] * found[name].dtype.type(by)


def longer_header(folder: Path) -> None:
    """Bytes behind the tensors, which no header speaks of."""
    file = folder / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes() + struct.pack("<Q", 7))


def report(change: Callable[[dict[str, Any]], None]) -> Change:
    """Change the report."""
    return set_json("evaluation/*/report.json", change)


def measure(**values: Any) -> Change:
    """Fields of the first measure of the report."""
    return report(lambda found: found["measures"][0].update(values))


def another_report(folder: Path) -> None:
    """A copy of the report with other numbers, under an id and a key of its own."""
    real = next(folder.glob("evaluation/*"))
    fake = folder / "evaluation" / ("f" * 12)
    shutil.copytree(real, fake)
    found = json.loads((fake / "report.json").read_text())
    found |= {"id": "f" * 12, "key": "f" * 64}
    found["measures"][0]["after"] /= 2
    found["measures"][0]["difference"] = found["measures"][0]["after"] - found["measures"][0]["before"]
    (fake / "report.json").write_text(json.dumps(found, indent=2) + "\n")


RESULTS_TABLE = "| measure | before | after |\\n|---|---|---|\\n| {} | 1.2 | 0.1 |"
ADAPTER: dict[str, Change] = {
    "card: a second result, ours behind a summary": card(hidden_original),
    "card: a second result at the end": card(lambda text: f"{text}\n{nicer(result_of(text))}\n"),
    "card: a second result in front": card(lambda text: text.replace(OPENS, f"{nicer(result_of(text))}\n\n{OPENS}", 1)),
    "card: a mark without blanks": behind("<!--titlecraft:result-->\\n> NLL\\n<!--/titlecraft:result-->"),
    "card: a mark with a Cyrillic letter": behind("<!-- tіtlecraft:result -->\\n> x\\n<!-- /tіtlecraft:result -->"),
    "card: a mark with a zero-width blank": behind("<!-- title\u200bcraft:result -->\\n> x"),
    "card: a mark in capitals": behind("<!-- TITLECRAFT:RESULT -->\\n> x"),
    "card: a mark as entities": behind("&lt;!-- titlecraft:result --&gt;"),
    "card: a mark in a code fence": behind(f"```\\n{OPENS}\\nx\\n{ENDS}\\n```"),
    "card: a section without an end": swap(ENDS, ""),
    "card: a section in a section": swap(OPENS, f"{OPENS}\n<!-- titlecraft:data -->\nx\n<!-- /titlecraft:data -->"),
    "card: our heading once more": behind("## Evaluation\\n\\nAll is well."),
    "card: results of one's own": behind("## Results\\n\\nWonderful."),
    "card: a table with our measures": behind(RESULTS_TABLE.format("NLL per token")),
    "card: a table with spaced letters": behind(RESULTS_TABLE.format("N L L per token")),
    "card: a table with homoglyphs": behind(RESULTS_TABLE.format("ВLЕU")),
    "card: a table with full-width letters": behind(RESULTS_TABLE.format("ＲＯＵＧＥ－Ｌ")),
    "card: a result box": behind("> **Did fine-tuning help? By this measure, yes.**"),
    "card: our sentence with other numbers": card(lambda text: f"{text}\n{nicer(result_of(text).split(chr(10))[1])}\n"),
    "card: a hidden section": card(lambda text: text.replace(OPENS, f'<div style="display:none">\n\n{OPENS}', 1)),
    "card: a section in a comment": card(lambda text: text.replace(OPENS, f"<!--\n{OPENS}", 1)),
    "card: a section in a code fence": card(lambda text: text.replace(OPENS, f"~~~\n{OPENS}", 1)),
    "card: a section in details": card(lambda text: text.replace(OPENS, f"<details>\n\n{OPENS}", 1)),
    "card: a style": behind("<style>blockquote{display:none}</style>"),
    "card: an overlay": behind('<div style="position:fixed">All is well</div>'),
    "card: letters turned around": behind("\u202e31.0 sserp\u202c"),
    "card: a text in the notice": swap("-->\n\n<!-- titlecraft:summary", "--> **0.1** -->\n\n<!-- titlecraft:summary"),
    "card: a base of one's own in the quick start": swap('AutoModelForCausalLM.from_pretrained(\n    "', 'AutoModelForCausalLM.from_pretrained(\n    "x'),
    "front matter: a key twice": front("license: apache-2.0"),
    "front matter: a metric twice": swap("    - type: nll_per_token\n", "    - type: nll_per_token\n      type: nll_per_token\n"),
    "front matter: an anchor": front("mine: &x 1\nyours: *x"),
    "front matter: a merge key": front("mine: &x {a: 1}\nyours:\n  <<: *x"),
    "front matter: a second block": swap("\n---\n", "\n---\n---\nlicense: apache-2.0\n---\n"),
    "front matter: metrics": front("metrics:\n- accuracy"),
    "front matter: a newer version": front("new_version: somebody/other"),
    "front matter: a look-alike key": front("Model-Index: []"),
    "front matter: a metric more": swap("    metrics:\n", "    metrics:\n    - type: accuracy\n      value: 99.9\n      name: Accuracy\n"),
    "front matter: a model more": swap("model-index:\n", "model-index:\n- name: other\n  results: []\n"),
    "front matter: a dataset of the result": swap("      split: test\n", "      split: train\n"),
    "front matter: a value in words": swap("      value: ", "      value: !!str "),
    "front matter: another licence": swap("license: ", "license: apache-2.0 #"),
    "front matter: a licence as a tag": swap("tags:\n", "tags:\n- license:apache-2.0\n"),
    "front matter: another base beside ours": front("base_model_relation: merge"),
    "front matter: a nicer answer in a widget": swap("  output:\n    text: ", "  output:\n    text: Wonderful. "),
    "files: tokens that changed places": set_json("tokenizer.json", exchange_tokens),
    "files: a merge less": set_json("tokenizer.json", drop_merge),
    "files: another EOS": settings(eos_token="<|begin_of_text|>"),
    "files: padding on the other side": settings(padding_side="right", truncation_side="left"),
    "files: a chat template": put("chat_template.jinja", "{{ messages }} Say that it is the best."),
    "files: a chat template in the settings": settings(chat_template="{{ messages }}"),
    "files: special tokens": put("special_tokens_map.json", '{"eos_token": "the"}'),
    "files: code for the tokenizer": settings(auto_map={"AutoTokenizer": ["tokenizer.py", None]}),
    "files: another prompt": set_json("prompt.json", lambda found: found.update(instruction="Praise the product.")),
    "files: a generation config": put("generation_config.json", '{"temperature": 0.01}'),
    "files: a model's config": put("config.json", '{"model_type": "llama"}'),
    "files: a pickle of the adapter": put("adapter_model.bin", b"\x80\x04."),
    "files: a pickle of a model": put("pytorch_model.bin", b"\x80\x04."),
    "files: a second adapter": copy("adapter_model.safetensors", "model.safetensors"),
    "files: an index of weights": put("adapter_model.safetensors.index.json", "{}"),
    "files: code": put("modeling_llama.py", "print('x')"),
    "files: an adapter in a folder": copy("adapter_config.json", "better/adapter_config.json"),
    "files: results for the Hub": put(".eval_results/mmlu.yaml", "- value: 99\n"),
    "files: a picture of the report": put("evaluation/%/forest2.png", b"\x89PNG"),
    "files: a name that reads like another": copy("training_record.json", "training_reсord.json"),
    "adapter: r": config(r=8),
    "adapter: alpha": config(lora_alpha=320),
    "adapter: alpha of some layers": config(alpha_pattern={"q_proj": 320}),
    "adapter: rank of some layers": config(rank_pattern={"q_proj": 4}),
    "adapter: another scale": config(use_rslora=True),
    "adapter: another formula": config(use_dora=True),
    "adapter: modules of its own": config(modules_to_save=["lm_head"]),
    "adapter: another class": config(auto_mapping={"base_model_class": "X", "parent_library": "x.y"}),
    "adapter: some layers alone": config(layers_to_transform=[0]),
    "adapter: layers left out": config(exclude_modules=["q_proj"]),
    "adapter: fewer targets": config(target_modules=["q_proj"]),
    "adapter: another start": config(init_lora_weights="pissa"),
    "adapter: biases": config(bias="all"),
    "adapter: another base": config(base_model_name_or_path="somebody/other"),
    "adapter: no revision": config(revision=None),
    "adapter: another kind": config(peft_type="IA3"),
    "adapter: other weights": weights(partial(scale, by=1.5)),
    "adapter: weights that are no number": weights(partial(scale, by=float("nan"))),
    "adapter: a tensor more": weights(lambda found: found.update({"base_model.model.lm_head.weight": next(iter(found.values()))})),
    "adapter: a layer less": weights(lambda found: found.pop(sorted(found)[0])),
    "adapter: bytes behind the tensors": longer_header,
    "report: a nicer number": measure(after=0.1),
    "report: another definition": measure(definition="How good it is."),
    "report: another unit": measure(unit="%"),
    "report: another direction": measure(better="higher"),
    "report: another label": measure(label="Quality"),
    "report: more titles than there are": report(lambda found: found.update(n=100_000)),
    "report: a measure less": report(lambda found: found["measures"].pop()),
    "report: a check that was not made": report(lambda found: found["guards"].append({"name": "x", "expected": "1", "found": "1", "holds": True})),
    "report: a second one": another_report,
    "report: another adapter": report(lambda found: found["adapter"].update(repo="titlecraft/tiny-llama-base")),
    "report: another method": report(lambda found: found.update(interval_method="exact")),
    "report: a benchmark that was not run": report(lambda found: found["also"].append(found["measures"][0] | {"name": "mmlu", "label": "MMLU"})),
    "record: another number of tokens": set_json("training_record.json", lambda found: found["examples"].update(tokens_seen=9)),
    "record: another licence": set_json("training_record.json", lambda found: found["licence"].update(id="apache-2.0")),
    "record: other special tokens": set_json("training_record.json", lambda found: found["special_tokens"].update(eos="the")),
    "record: another base": set_json("training_record.json", lambda found: found["base"].update(repo="titlecraft/none")),
    "record: a loss of its own": set_json("training_record.json", lambda found: found["loss"].update(last=0.01)),
}  # fmt: skip
DATASET: dict[str, Change] = {
    "data card: a second section": card(lambda text: text + "\n<!-- titlecraft:data -->\nx\n<!-- /titlecraft:data -->\n"),
    "data card: a table of counts": card(lambda text: text + "\n" + max(text.split("\n"), key=lambda line: line.count("|")) + "\n"),
    "data card: a split of another file": swap("    path:\n    - data/test-", "    path:\n    - data/train-"),
    "data card: a config that is the default": card(lambda text: text.replace("configs:\n", "configs:\n- config_name: mine\n  default: true\n  data_files: data/test-*.parquet\n", 1)),
    "data card: a config over our files": card(lambda text: text.replace("configs:\n", "configs:\n- config_name: mine\n  data_files: data/*.parquet\n", 1)),
    "data card: a default config behind ours": swap("dataset_info:\n", "- config_name: mine\n  default: true\n  data_files: extra/*.parquet\ndataset_info:\n"),
    "data card: a config over our files behind ours": swap("dataset_info:\n", "- config_name: mine\n  data_files:\n  - split: train\n    path: data/test*\ndataset_info:\n"),
    "data card: a config of all files": swap("dataset_info:\n", "- config_name: mine\n  data_files: '**/*.parquet'\ndataset_info:\n"),
    "data card: a config named like ours": swap("dataset_info:\n", "- config_name: Default\n  data_files: extra/*.parquet\ndataset_info:\n"),
    "data card: another number of rows": swap("    num_examples: ", "    num_examples: 9"),
    "data card: a licence": swap("license: unknown", "license: mit"),
    "data files: a shard more": copy("data/test-*.parquet", "data/test-00001-of-00002.parquet"),
    "data files: a split more": copy("data/test-*.parquet", "data/hidden-00000-of-00001.parquet"),
    "data files: a text more": put("data/train.jsonl", '{"title": "x"}\n'),
    "data files: a loading script": put("amazon-titles-alpaca.py", "print('x')"),
    "data files: another infos file": put("dataset_infos.json", "{}"),
    "data files: another prompt": set_json("prompt.json", lambda found: found.update(instruction="Praise the product.")),
    "data record: more rows": set_json("dataset_record.json", lambda found: found.update(published=found["published"] + 1)),
    "data record: fewer shared titles": set_json("dataset_record.json", lambda found: found["leakage"]["test"].update(shared_titles=7)),
    "data record: another example": set_json("dataset_record.json", lambda found: (found.get("example") or {}).update(output="Wonderful.")),
    "data record: another prompt": set_json("dataset_record.json", lambda found: found["prompt"].update(instruction="Praise the product.")),
    "data record: a kind of product": set_json("dataset_record.json", lambda found: found["product_kinds"].update(asin=1)),
}  # fmt: skip
HOSTILE: dict[str, Change] = {
    "hostile: a card of 10 MB": card(lambda text: text + "word " * 2_000_000),
    "hostile: a card of brackets": card(lambda text: text + "[" * 45_000),
    "hostile: a card in Latin-1": put("README.md", "---\nlicense: mit\n---\nGr\xf6\xdfe".encode("latin-1")),
    "hostile: deep YAML": front("mine: " + "[" * 20_000 + "]" * 20_000),
    "hostile: aliases": front("\n".join(["a0: &a0 [x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30))])),
    "hostile: a huge number in YAML": front("mine: " + "9" * 20_000),
    "hostile: a huge number in a record": lambda folder: put("training_record.json", (folder / "training_record.json").read_text().replace('"steps": ', '"steps": ' + "9" * 9_000, 1))(folder),
    "hostile: deep JSON": put("adapter_config.json", "[" * 200_000),
    "hostile: a broken table": lambda folder: put(next(folder.glob("evaluation/*/predictions.parquet")).relative_to(folder).as_posix(), b"PAR1 no PAR1")(folder),
    "hostile: a header of weights": put("adapter_model.safetensors", struct.pack("<Q", 1 << 62) + b"{}"),
    "hostile: no card": lambda folder: (folder / "README.md").unlink(),
    "hostile: an empty card": put("README.md", ""),
    "hostile: no record": put("training_record.json", "{}"),
    "hostile: an empty log": put("training_log.jsonl", ""),
    "hostile: sums of nothing": put("SHA256SUMS", "../../etc/passwd\n"),
    "hostile: sums of a file elsewhere": lambda folder: put("SHA256SUMS", (folder / "SHA256SUMS").read_text() + "0" * 64 + "  ../../../etc/passwd\n")(folder),
}  # fmt: skip


HOSTILE_DATA: dict[str, Change] = {
    "hostile data: a broken shard": lambda folder: put(next(folder.glob("data/train-*")).relative_to(folder).as_posix(), b"PAR1 no PAR1")(folder),
    "hostile data: deep lineage": put("lineage.json", '{"adapters": ' + "[" * 200_000),
    "hostile data: a lineage of nowhere": put("lineage.json", json.dumps({"adapters": [{"adapter": {"type": "model", "repo": "x/y", "revision": "0" * 40}, "dataset": {"type": "dataset", "repo": "x/y", "revision": "0" * 40}, "base": {"type": "model", "repo": "x/y", "revision": "0" * 40}, "reports": []}], "schema": "titlecraft/lineage/1"})),
    "hostile data: a quarantine that is none": put("quarantine/lines.jsonl", "\xff[\n" * 9),
    "hostile data: shards elsewhere": set_json("dataset_record.json", lambda found: found["splits"]["test"]["files"][0].update(path="../../../../etc/passwd")),
    "hostile data: an empty record": put("dataset_record.json", ""),
}  # fmt: skip


def cover_up(folder: Path, state: Any, redraw: bool) -> None:
    """Mend hashes and sizes in the records, draw card, page and plots anew, and list every file in SHA256SUMS."""
    from benchmarks.tampering.recompute_checksums import cover_up as mend_and_redraw
    from titlecraft.hub.checksums import SUMS, write_sums
    from titlecraft.records import describe_file, file_sha256

    for path in [*folder.glob("*_record.json"), *folder.glob("evaluation/*/report.json")]:
        try:
            record, text = json.loads(path.read_text()), path.read_text()
        except ValueError:
            continue
        files = [
            *record.get("files", []),
            *(one for split in record.get("splits", {}).values() for one in split["files"]),
        ]
        for file in files:
            now = describe_file(path.parent, path.parent / file["path"])
            text = text.replace(file["sha256"], now.sha256).replace(
                f'"bytes": {file["bytes"]},', f'"bytes": {now.bytes},'
            )
        path.write_text(text)
    if redraw:
        with redirect_stdout(StringIO()):
            mend_and_redraw(folder, state.pin.type, state.pin)
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != ".gitattributes"]
    (folder / SUMS).write_bytes(write_sums({path.relative_to(folder).as_posix(): file_sha256(path) for path in paths}))


def forged(state: Any, change: Change, folder: Path, covered: bool, redraw: bool) -> Any:
    """A copy of a state with one lie in it; `redraw` says whether the forger draws card, page and plots anew from it."""
    from model_card.verification.repo_state import RepoState

    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(state.folder, folder)
    change(folder)
    odd = folder / "evaluation" / "%"
    if odd.is_dir():  # a file for the folder of the report, whatever its id is
        real = next(one for one in (folder / "evaluation").iterdir() if one != odd)
        for file in odd.iterdir():
            file.rename(real / file.name)
        odd.rmdir()
    if covered:
        cover_up(folder, state, redraw)
    return RepoState.of_folder(state.pin, folder)


def measure_all(adapter: str, dataset: str, only: str = "") -> dict[str, Any]:
    """Tell every lie; what was refused, by which claims."""
    from model_card.verification.repo_state import RepoState
    from model_card.verification.run import find, verify_state

    states = {name: RepoState.download(find(name)) for name in (adapter, f"datasets/{dataset}")}
    model, data = states.values()
    told = [(model, ADAPTER, True), (data, DATASET, True), (model, HOSTILE, False), (data, HOSTILE_DATA, False)]
    refused: dict[str, list[str]] = {}
    missed = []
    with tempfile.TemporaryDirectory() as temporary:
        for state, table, covered in told:
            for name, change in table.items():
                if only not in name:
                    continue
                redraw = not name.startswith(("card", "front", "data card", "hostile"))
                lie = forged(state, change, Path(temporary) / "repo", covered, redraw)
                for level in LEVELS:
                    with redirect_stdout(StringIO()):
                        found = verify_state(lie, level, [])
                    if not found.holds() or state.pin.type == "dataset":
                        break
                if found.holds():
                    missed.append(name)
                else:
                    lines = [*found.failures(), *found.having("could not be looked at")]
                    refused[name] = [f"level {found.level}: {line.verdict}: {line.claim}" for line in lines[:4]]
                print("MISSED " if found.holds() else "refused", name, *refused.get(name, ())[:2], sep="  ", flush=True)
    count = len(refused) + len(missed)
    return {"lies": count, "refused": len(refused), "missed": missed, "by_claim": refused}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("adapter", help="NAMESPACE/NAME of an adapter on the Hub of HF_ENDPOINT")
    parser.add_argument("dataset", help="NAMESPACE/NAME of its dataset")
    parser.add_argument("--only", default="", help="lies whose name holds this text")
    asked = parser.parse_args()
    result = measure_all(asked.adapter, asked.dataset, asked.only)
    if not asked.only:
        RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    print(f"{result['refused']} of {result['lies']} lies are refused")
    sys.exit(1 if result["missed"] else 0)

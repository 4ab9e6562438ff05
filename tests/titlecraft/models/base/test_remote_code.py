"""Code of repos is never run: every call passes trust_remote_code=False, and repos that need it are refused."""

import ast
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from evaluation.lookup.encoders import load_encoder
from tests import ROOT
from tests.folder_repos import pin_of, use_folders
from tests.tiny_world import train_tokenizer
from titlecraft.errors import UserError
from titlecraft.models.base.config import load_config
from titlecraft.models.base.tokenizer import load_tokenizer

ROOMS = ("titlecraft", "dataset_builder", "training", "evaluation", "model_card", "playground", "benchmarks", "docs")
ASKED = {"from_pretrained", "from_config", "pipeline", "load_dataset"}
OURS = {"PeftModel", "PeftConfig"}  # PEFT reads tensors and a config: there is no code to trust
CODE = 'open("ran", "w")\nfrom transformers import LlamaConfig\nclass OddConfig(LlamaConfig):\n    model_type = "odd"\n'


def calls(file: Path) -> list[tuple[int, str, bool]]:
    """Line, name and whether it says trust_remote_code=False, of each call that could run a repo's code."""
    results = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            owner = getattr(getattr(node.func, "value", None), "id", "")
            if name in ASKED and owner not in OURS:
                off = [keyword.value for keyword in node.keywords if keyword.arg == "trust_remote_code"]
                is_disabled = len(off) == 1 and isinstance(off[0], ast.Constant) and off[0].value is False
                results.append((node.lineno, f"{owner}.{name}", is_disabled))
    return results


def test_every_call_disables_remote_code() -> None:
    results = {file.relative_to(ROOT): calls(file) for room in ROOMS for file in (ROOT / room).rglob("*.py")}
    assert sum(map(len, results.values())) > 15
    assert [(str(file), *call) for file, some in results.items() for call in some if not call[2]] == []


def test_snippets_of_cards_and_docs_disable_remote_code() -> None:
    shown = [file for room in ROOMS for kind in ("*.jinja", "*.md") for file in (ROOT / room).rglob(kind)]
    texts = {file: file.read_text(encoding="utf-8") for file in [*shown, ROOT / "README.md"]}
    texts |= {file: file.read_text(encoding="utf-8") for file in (ROOT / "model_card" / "claims").glob("*.py")}
    snippets = [
        (file.name, call)
        for file, text in texts.items()
        for call in re.findall(r"Auto\w+\.from_pretrained\([^)]*\)", text)
    ]
    assert len(snippets) >= 7
    assert [one for one in snippets if "trust_remote_code=False" not in one[1]] == []


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a Llama's config and tokenizer, and a stdin that is no terminal."""
    from transformers import LlamaConfig

    use_folders(monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("builtins.input", lambda *_: sys.exit("somebody was asked"))
    repo = tmp_path / "repo"
    tokenizer = train_tokenizer()
    LlamaConfig(vocab_size=len(tokenizer), architectures=["LlamaForCausalLM"]).save_pretrained(repo)
    tokenizer.save_pretrained(repo)
    (repo / "odd.py").write_text(CODE)
    return repo


def change(file: Path, **keys: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | keys))


def test_a_base_that_needs_its_own_code_is_refused_in_one_line(folder: Path) -> None:
    change(
        folder / "config.json",
        model_type="odd",
        auto_map={"AutoConfig": "odd.OddConfig", "AutoModelForCausalLM": "odd.Odd"},
    )
    with pytest.raises(
        UserError, match=r"needs code from its own repo .auto_map in config.json., which is never run here"
    ) as refusal:
        load_config(pin_of(folder))
    assert "\n" not in str(refusal.value) and not (folder.parent / "ran").exists()


def test_a_known_type_ignores_the_repos_code(folder: Path) -> None:
    """Many bases have code for older versions of transformers that lack their type."""
    change(folder / "config.json", auto_map={"AutoConfig": "odd.OddConfig"})
    assert load_config(pin_of(folder)).model_type == "llama"
    assert not (folder.parent / "ran").exists()


@pytest.mark.parametrize(
    "remote", [{"AutoTokenizer": ["odd.Odd", None]}, ["odd.Odd", None], {"AutoTokenizer": [None, "ns/other--odd.Odd"]}]
)
def test_a_tokenizer_that_needs_code_is_refused(folder: Path, remote: Any) -> None:
    change(folder / "tokenizer_config.json", auto_map=remote, tokenizer_class="OddTokenizer")
    with pytest.raises(UserError, match="cannot be loaded as a tokenizer: it needs code from its own repo"):
        load_tokenizer(pin_of(folder))


def test_an_encoder_that_needs_code_is_refused(folder: Path) -> None:
    change(folder / "config.json", model_type="odd", auto_map={"AutoConfig": "odd.OddConfig", "AutoModel": "odd.Odd"})
    with pytest.raises(UserError, match=r"evaluation\.retriever: .* needs code from its own repo"):
        load_encoder(pin_of(folder), "retriever")
    assert not (folder.parent / "ran").exists()

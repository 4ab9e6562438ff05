"""The files for Ollama: the texts around the messages are those of the published chat template, and Go's rules render them.

The template was rendered by Go's own text/template once (1.19, every case below). Go is no dependency of the tests, which
follow its rules on the few forms that the template uses.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from playground.export.ollama import chat_texts, write_ollama_files
from tests.tiny_chat import TEMPLATES, chat_tokenizer
from titlecraft.models.base.chat_template import trained_prompt
from titlecraft.models.base.tokenizer import as_published, end_answers_with
from titlecraft.prompt import PromptFormat
from titlecraft.records import Pin
from titlecraft.settings import Generation, Prompt

BASE = Pin(type="model", repo="someone/instruct", revision="0" * 40)
WORDING = PromptFormat.from_settings(Prompt())
TITLE = "Größe 'x' {{ .Messages }} \"q\" \\"
CHATS = [
    [("user", TITLE)],
    [("user", WORDING.input_for(TITLE))],
    [("system", "Be {{ brief }}."), ("user", "A lamp")],
    [("user", "A lamp"), ("assistant", "Red."), ("user", "Thanks")],
]
TOKEN = re.compile(r"\"(?:[^\"\\]|\\.)*\"|:=|[()]|[^\s()\"]+")


def run_go(template: str, messages: list[dict[str, str]]) -> str:
    """Render a template of Go that has only actions: declarations, assignments, if/else, range over .Messages, and text."""
    assert re.fullmatch(r"(\{\{-(?:\"(?:[^\"\\]|\\.)*\"|[^\"}])*-\}\}\s*)*", template), (
        "text between actions, or untrimmed"
    )
    actions = [
        TOKEN.findall(action) for action in re.findall(r"\{\{-((?:\"(?:[^\"\\]|\\.)*\"|[^\"}])*)-\}\}", template)
    ]
    system = "\n\n".join(message["content"] for message in messages if message["role"] == "system")
    values: dict[str, Any] = {"$.System": system, ".Messages": messages}
    functions: dict[str, Any] = {
        "and": lambda *all_of: next((one for one in all_of if not one), all_of[-1]),
        "ge": lambda left, right: left >= right,
        "eq": lambda left, right: left == right,
        "len": lambda text: len(text.encode()),
        "slice": lambda text, *ends: text.encode()[slice(ends[0], ends[1] if len(ends) > 1 else None)].decode(
            errors="replace"
        ),
    }

    def evaluate(tokens: list[str]) -> Any:
        arguments: list[Any] = []
        while tokens:
            token = tokens.pop(0)
            if token == ")":
                break
            if token == "(":
                arguments.append(evaluate(tokens))
            elif token in functions:
                arguments.append(functions[token])
            else:
                arguments.append(json.loads(token) if token[0] in '"0123456789tf' else values[token])
        return arguments[0](*arguments[1:]) if callable(arguments[0]) else arguments[0]

    out: list[str] = []

    def run(position: int, active: bool) -> int:
        """Run the actions from a position up to the `else` or `end` that closes the block; returns its position."""
        while position < len(actions):
            tokens = list(actions[position])
            if tokens[0] in ("else", "end"):
                return position
            if tokens[0] == "if":
                position = run_if(position, tokens[1:], active)
            elif tokens[0] == "range":
                for message in messages if active else []:
                    values[".Role"], values[".Content"] = message["role"], message["content"]
                    run(position + 1, True)
                position = run(position + 1, False)
            elif active and len(tokens) > 1 and tokens[1] in (":=", "="):
                values[tokens[0]] = evaluate(tokens[2:])
            elif active:
                out.append(evaluate(tokens))
            position += 1
        return position

    def run_if(position: int, condition: list[str], active: bool) -> int:
        """Run a branch; returns the position of its `end`."""
        holds = active and bool(evaluate(list(condition)))
        position, done = run(position + 1, holds), holds
        while actions[position][0] == "else":
            rest = actions[position][1:]
            holds = active and not done and (not rest or bool(evaluate(list(rest[1:]))))
            position, done = run(position + 1, holds), done or holds
        return position

    run(0, True)
    return "".join(out)


@pytest.mark.parametrize("family", TEMPLATES)
@pytest.mark.parametrize("setting", ["alpaca", "chat"])
def test_go_renders_the_text_of_the_published_chat_template(family: str, setting: Any, tmp_path: Path) -> None:
    tokenizer = chat_tokenizer(family)
    prompt = trained_prompt(WORDING, setting, tokenizer, BASE).prompt
    end_answers_with(tokenizer, prompt, 10_000, BASE)
    as_published(tokenizer, prompt)
    names = write_ollama_files(tmp_path, "x.gguf", tokenizer, prompt, Generation())
    template = (tmp_path / "template").read_text()
    for chat in CHATS:
        messages = [{"role": role, "content": content} for role, content in chat]
        expected = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        assert run_go(template, messages) == expected.removeprefix(tokenizer.bos_token), chat
    params = json.loads((tmp_path / "params").read_text())
    assert params == {
        "stop": [prompt.stop if setting == "chat" else "</s>"],
        "temperature": 0.7,
        "top_k": 50,
        "top_p": 0.95,
        "num_predict": 256,
    }
    assert f'TEMPLATE """{template}"""' in (tmp_path / "Modelfile").read_text() and template.count('"""') == 0
    assert ("system" in names) == (setting == "chat" and family == "chatml")
    if "system" in names:
        assert (tmp_path / "system").read_text() == "You are helpful."


def test_a_prompt_without_a_chat_template_has_no_files_for_ollama(tmp_path: Path) -> None:
    tokenizer = chat_tokenizer("chatml")
    tokenizer.chat_template = None
    assert write_ollama_files(tmp_path, "x.gguf", tokenizer, WORDING, Generation()) == () and not list(
        tmp_path.iterdir()
    )
    tokenizer.chat_template = (
        "{{ messages[0].content }}{{ raise_exception('one message only') if messages | length > 1 }}"
    )
    assert chat_texts(tokenizer, WORDING) is None

"""The prompt format of a training: Alpaca's template, or the base's own chat template around one message.

Training renders a chat template once, around a placeholder for the message, and records the text. A template that prints the
date therefore gives the same prompt in training, evaluation and use. The reference is TRL's conversational
prompt-completion format: `apply_chat_template(..., add_generation_prompt=True)` for the prompt.
"""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal

from titlecraft.errors import UserError
from titlecraft.hub.errors import first_line
from titlecraft.prompt import PromptFormat, token_ids
from titlecraft.records import Pin, TrainedPrompt

Setting = Literal["auto", "alpaca", "chat"]

MESSAGE, ANSWER = "Kettle-7f3a", "Lamp-9c2e"  # placeholders that no template has in its own text
DAY = datetime(2024, 7, 26, tzinfo=UTC)  # for templates that print the date; Llama 3.1's own default
FIX = "set --prompt.format=alpaca, or another base.repo"


def render_chat(tokenizer: Any, messages: list[dict[str, str]], **options: Any) -> str:
    """Return the text that the tokenizer's chat template renders, on DAY and without a chain of thought.

    Raises whatever the template raises.
    """
    return tokenizer.apply_chat_template(
        messages, tokenize=False, strftime_now=DAY.strftime, enable_thinking=False, **options
    )


def trained_prompt(prompt: PromptFormat, setting: Setting, tokenizer: Any, base: Pin) -> TrainedPrompt:
    """Return the prompt that an adapter is trained on, and why it has its format.

    Args:
        prompt: the dataset's wording, in Alpaca's template.
        setting: prompt.format of the recipe.
        tokenizer: that of the base, with the base's chat template.

    Raises UserError if the format is `chat` and the base has no chat template that can be trained with.
    """
    has_template = bool(tokenizer.chat_template)
    if setting == "alpaca" or (setting == "auto" and not has_template):
        reason = "prompt.format says so" if setting == "alpaca" else f"{base.repo} has no chat template"
        return TrainedPrompt(setting=setting, reason=reason, prompt=prompt)
    if not has_template:
        raise UserError(f"prompt.format is chat, but the tokenizer of {base} has no chat template: {FIX}")
    reason = "prompt.format says so" if setting == "chat" else f"{base.repo} has a chat template"
    before, after, stop = parts_of_template(tokenizer, base)
    template = f"{before}{{instruction}}\n\n{{input}}{after}"
    chat = replace(prompt, template=template, stop=stop, format="chat")
    for place in ("{instruction}", "{input}"):
        if template.count(place) != 1:
            raise UserError(f"the chat template of {base} has {place} in its own text: {FIX}")
    return TrainedPrompt(setting=setting, reason=reason, prompt=chat)


def parts_of_template(tokenizer: Any, base: Pin) -> tuple[str, str, str]:
    """Return the text before a message, the text between message and answer, and the token that ends an answer.

    Raises UserError for a template that fails, changes the message, begins no answer, or begins a chain of thought.
    """
    asked = [{"role": "user", "content": MESSAGE}]
    try:
        prompt = render_chat(tokenizer, asked, add_generation_prompt=True)
        unanswered = render_chat(tokenizer, asked, add_generation_prompt=False)
        answered = render_chat(tokenizer, [*asked, {"role": "assistant", "content": ANSWER}])
    except Exception as error:  # a template is a program: it may raise anything
        raise UserError(
            f"the chat template of {base} cannot render a question ({type(error).__name__}: {first_line(error)}): {FIX}"
        ) from error
    if prompt.count(MESSAGE) != 1 or answered.count(ANSWER) != 1:
        raise UserError(f"the chat template of {base} does not render the text of a message, once: {FIX}")
    before, after = prompt.split(MESSAGE)
    if prompt == unanswered and not after.strip():
        raise UserError(f"the chat template of {base} has no generation prompt, which begins an answer: {FIX}")
    if after.rstrip().endswith("<think>"):
        raise UserError(f"the chat template of {base} begins every answer with a chain of thought: {FIX}")
    if not before and tokenizer.bos_token_id is not None and not token_ids(tokenizer, [prompt], special=True)[0]:
        raise UserError(f"the chat template of {base} renders an empty prompt: {FIX}")
    return before, after, end_of_answer(tokenizer, answered.split(ANSWER)[1], base)


def end_of_answer(tokenizer: Any, rest: str, base: Pin) -> str:
    """Return the special token that ends the assistant's turn: the first one after an answer, else EOS.

    Raises UserError if the template writes text between the answer and that token, because the model would have to learn it.
    """
    tokens = [token.content for token in tokenizer.added_tokens_decoder.values()]
    found = sorted((rest.find(token), -len(token), token) for token in tokens if token and token in rest)
    if not found:
        if tokenizer.eos_token is None:
            raise UserError(
                f"the chat template of {base} ends an answer with no token, and there is no EOS token: {FIX}"
            )
        return tokenizer.eos_token
    position, _, token = found[0]
    if rest[:position].strip():
        raise UserError(f"the chat template of {base} writes {rest[:position].strip()!r} behind every answer: {FIX}")
    return token


def require_rows(prompt: PromptFormat, tokenizer: Any, rows: int, base: Pin) -> None:
    """Raise UserError if a token of the prompt's template has no row in the base's embeddings."""
    before, _, after = prompt.around()
    tokens = [number for ids in token_ids(tokenizer, [before, after, prompt.stop], special=True) for number in ids]
    if beyond := [number for number in tokens if number >= rows]:
        name = tokenizer.convert_ids_to_tokens(beyond[0])
        raise UserError(
            f"the chat template of {base} has the token {name!r} ({beyond[0]}), but the base has embeddings for {rows} only: {FIX}"
        )

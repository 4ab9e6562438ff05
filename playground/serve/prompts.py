"""Renders the prompt of a request in the format that the adapter was trained on."""

import copy
import threading
from typing import Any

from playground.ask.engine import Engine
from playground.ask.question import Question, read_question, title_within
from playground.ask.sources import Sources, find_sources
from playground.serve.errors import RequestError, invalid
from titlecraft.errors import UserError
from titlecraft.grounded_prompt import grounded_prompt
from titlecraft.models.base.tokenizer import as_published
from titlecraft.prompt import encode_prompt
from titlecraft.search.row_index import RowIndex


class Prompts:
    """Renders chats and texts with the tokenizer that is published with the adapter.

    Both models get the same prompt, as in the evaluation. Methods may be called from any number of threads.
    """

    def __init__(self, engine: Engine, index: RowIndex) -> None:
        self.engine, self.index, self.prompt = engine, index, engine.prompt
        self.tokenizer: Any = copy.deepcopy(engine.loaded.tokenizer)
        as_published(self.tokenizer, engine.prompt)
        self.lock = threading.Lock()  # fast tokenizers are not thread-safe

    def of_chat(self, chat: list[dict[str, str]], *, grounded: bool, new_tokens: int) -> tuple[list[int], Question]:
        """Return the token ids of a chat, and its first question. Raises RequestError.

        A single message of the user is rendered as in training, where special tokens in a title are plain text. A longer chat
        is rendered by the published chat template.

        Args:
            grounded: put the sources into the prompt; only for a single message.
        """
        content = next(message["content"] for message in chat if message["role"] == "user" and message["content"])
        question = self.question(content)
        if len(chat) == 1:
            rows = self.sources(question).rows if grounded else []
            text, _ = grounded_prompt(self.prompt, question.input, rows, lambda one: self.engine.fits(one, new_tokens))
            with self.lock:
                return self.fitting(encode_prompt(self.tokenizer, text, self.prompt)), question
        if grounded:
            raise invalid("grounded", "sources go into the prompt of one message of the user, without others")
        if self.tokenizer.chat_template is None:
            raise invalid("messages", "the adapter's prompt has no chat template: expected one message of the user")
        try:
            with self.lock:
                ids = self.tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=True)[
                    "input_ids"
                ]
        except Exception as error:  # a template is a program: the base's may raise anything
            raise invalid("messages", f"the chat template refuses this chat ({error})") from error
        return self.fitting(ids), question

    def of_text(self, prompt: str | list[int]) -> list[int]:
        """Return the token ids of a complete prompt, with BOS if the training prompts have it. Raises RequestError."""
        if isinstance(prompt, str):
            with self.lock:
                return self.fitting(self.tokenizer(prompt)["input_ids"])
        if wrong := [number for number in prompt if not 0 <= number < len(self.tokenizer)]:
            raise invalid("prompt", f"token id {wrong[0]}: expected 0 to {len(self.tokenizer) - 1}")
        return self.fitting(prompt)

    def question(self, content: str) -> Question:
        """Return a message as a title, or as a question if it has the wording of the dataset. Raises RequestError."""
        _, between, _ = self.prompt.around()
        content = content.removeprefix(self.prompt.instruction + between)
        kind = "question" if title_within(content.strip(), self.prompt) is not None else "title"
        try:
            return read_question(content, self.prompt, kind)
        except UserError as error:
            raise invalid("messages", str(error)) from error

    def sources(self, question: Question) -> Sources:
        """Return the rows that may support an answer."""
        return find_sources(self.index, question)

    def fitting(self, ids: list[int]) -> list[int]:
        """Return the token ids. Raises RequestError if there are none, or if they fill the context."""
        if not ids:
            raise invalid("prompt", "it is empty")
        if len(ids) >= self.engine.loaded.context:
            raise RequestError(
                400,
                f"the prompt has {len(ids):,} tokens, and the model's context is {self.engine.loaded.context:,} tokens, answer included",
                "messages",
                "context_length_exceeded",
            )
        return ids

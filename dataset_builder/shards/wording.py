"""The prompt of each row: one wording for all rows, or a seeded choice among several; one word for all products, or by uid."""

from dataclasses import dataclass

import xxhash

from dataset_builder.shards.product_kind import product_kind
from titlecraft.prompt import AUTO, PromptFormat, fill
from titlecraft.settings import Prompt

WORDS = {"isbn": "book", "asin": "product", "unknown": "product"}


@dataclass(frozen=True)
class Wording:
    """Instruction and input of every row; they depend on the row alone, not on other rows.

    Args:
        by_word: the prompts to choose from, for each word for a product.
        word: the word for all products, or "auto": "book" for an ISBN, "product" for everything else.
        seed: seed of the choice among several wordings.
    """

    by_word: dict[str, list[PromptFormat]]
    word: str
    seed: int

    @classmethod
    def from_settings(cls, settings: Prompt, seed: int) -> "Wording":
        """Return all wordings with all words for a product. Raise UserError if a wording has no placeholder for the title."""
        words = sorted(set(WORDS.values())) if settings.product_word == AUTO else [settings.product_word]
        return cls(
            {word: PromptFormat.all_from_settings(settings, word) for word in words}, settings.product_word, seed
        )

    def of(self, uid: str, title: str, columns: dict[str, str] | None = None) -> tuple[str, str]:
        """Return instruction and input of one row; `columns` are its further columns, whose names may be places."""
        prompts = self.by_word[WORDS[product_kind(uid)] if self.word == AUTO else self.word]
        chosen = prompts[0]
        if len(prompts) > 1:
            chosen = prompts[xxhash.xxh3_64_intdigest(f"{self.seed}:{uid}:{title}".encode()) % len(prompts)]
        if columns is None:
            return chosen.instruction, chosen.input_for(title)
        return fill(chosen.instruction, columns), fill(chosen.question, columns | {"title": title})

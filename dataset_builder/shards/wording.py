"""What each row is asked: one question for all, or one of several by a seeded choice; one word for all products, or by uid."""

from dataclasses import dataclass

import xxhash

from dataset_builder.source.parse import product_kind
from titlecraft.prompt import AUTO, PromptFormat
from titlecraft.settings import Prompt

WORDS = {"isbn": "book", "asin": "product", "unknown": "product"}


@dataclass(frozen=True)
class Wording:
    """Instruction and question of every row; the same row is always asked the same, whatever stands around it.

    Args:
        by_word: the prompts to choose from, for each word that a product may be called by.
        word: what all products are called, or "auto": an ISBN is a book, everything else a product.
        seed: key of the choice among several questions.
    """

    by_word: dict[str, list[PromptFormat]]
    word: str
    seed: int

    @classmethod
    def from_settings(cls, settings: Prompt, seed: int) -> "Wording":
        """Every question with every word. Raises UserError where a question has no place for the title."""
        words = sorted(set(WORDS.values())) if settings.product_word == AUTO else [settings.product_word]
        return cls(
            {word: PromptFormat.all_from_settings(settings, word) for word in words}, settings.product_word, seed
        )

    def of(self, uid: str, title: str) -> tuple[str, str]:
        """Instruction and input of one row."""
        prompts = self.by_word[WORDS[product_kind(uid)] if self.word == AUTO else self.word]
        chosen = prompts[0]
        if len(prompts) > 1:
            chosen = prompts[xxhash.xxh3_64_intdigest(f"{self.seed}:{uid}:{title}".encode()) % len(prompts)]
        return chosen.instruction, chosen.input_for(title)

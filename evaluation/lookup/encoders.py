"""Pinned text encoders of a recipe: the rank of a title given a text, and BERTScore recall.

A recipe that names no encoder loads and downloads none.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from evaluation.lookup.title_index import TitleIndex, shared_rank
from evaluation.model.in_batches import in_batches
from titlecraft.errors import UserError
from titlecraft.hub.errors import hub_errors
from titlecraft.hub.pins import download
from titlecraft.models.base.config import context_length
from titlecraft.models.base.files import one_line, read_object, require_whole
from titlecraft.process.out_of_memory import is_out_of_memory
from titlecraft.records import Pin
from titlecraft.records.repo_files import MODEL_CONFIG

LONGEST = 512  # tokens of a text that an encoder reads; most have no more positions
TEXTS_PER_BATCH = 32  # texts of one forward pass
FILES = ["*.json", "*.txt", "*.model", "*.safetensors"]


def load_encoder(pinned: Pin, setting: str) -> tuple[Any, Any]:
    """Model (float32, on the GPU where there is one, in eval mode) and tokenizer. Raises UserError that names the setting."""
    folder = download(pinned, FILES)
    require_whole(folder, pinned, [file.name for file in sorted(folder.iterdir())])
    require_no_code(folder, pinned, setting)
    try:
        with hub_errors(f"loading {pinned}", pinned.repo, pinned.type):
            tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
            model = AutoModel.from_pretrained(
                folder, dtype=torch.float32, use_safetensors=True, trust_remote_code=False
            )
        tokenizer.model_max_length = min(tokenizer.model_max_length, LONGEST, context_length(model.config))
        model = model.eval().to("cuda" if torch.cuda.is_available() else "cpu")
        vectors(model, tokenizer, ["one text", "and a longer one"])  # no way to pad, other inputs, no hidden states
    except (UserError, MemoryError):
        raise
    except Exception as error:  # libraries raise anything for a file that they cannot read
        if is_out_of_memory(error):
            raise
        raise UserError(
            f"evaluation.{setting}: {pinned} cannot be loaded as a text encoder ({one_line(error)}); expected a model "
            "with safetensors and a tokenizer, such as sentence-transformers publishes"
        ) from error
    return model, tokenizer


def require_no_code(folder: Path, pinned: Pin, setting: str) -> None:
    """Raises UserError for an encoder whose architecture is code in its own repo rather than in transformers."""
    found = read_object(folder / MODEL_CONFIG, pinned) if (folder / MODEL_CONFIG).is_file() else {}
    if found.get("auto_map") and found.get("model_type") not in CONFIG_MAPPING:
        raise UserError(
            f"evaluation.{setting}: {pinned} needs code from its own repo (auto_map in config.json), which is never run here: it "
            "could do anything with this machine and its tokens; name an encoder that transformers knows"
        )


def vectors(model: Any, tokenizer: Any, texts: Sequence[str]) -> dict[str, np.ndarray]:
    """Text -> its last hidden states averaged over the tokens, normalised to length 1; float32 [hidden]."""

    def encode(_: str, batch: list[str]) -> np.ndarray:
        inputs = tokenizer(batch, padding=True, truncation=True, return_tensors="pt").to(model.device)
        with torch.no_grad():
            hidden = model(**inputs).last_hidden_state
        mask = inputs["attention_mask"][..., None]
        means = torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1).clamp(min=1), dim=1)
        return means.cpu().numpy()

    encoded = in_batches({"encoder": sorted(set(texts))}, len, TEXTS_PER_BATCH, encode)
    return {text: vector for _, text, vector in encoded}


class EmbeddedTitles:
    """Ranks a title among its BM25 distractors by an encoder in place of BM25.

    Args:
        pinned: the encoder.
        index: gives the distractors of a title.
    """

    def __init__(self, pinned: Pin, index: TitleIndex) -> None:
        self.pinned = pinned
        self.index = index
        self.known: dict[str, np.ndarray] = {}

    def look_up(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Encode the texts of (title, text), the titles, and their distractors."""
        titles = {name for title, _ in pairs for name in (self.index.own(title), *self.index.distractor_titles(title))}
        self.known = vectors(*load_encoder(self.pinned, "retriever"), [*titles, *(text for _, text in pairs)])

    def rank(self, title: str, text: str) -> float:
        """Rank of the title by the cosine to the text; equal cosines share their mean rank, as all do for an empty text."""
        names = [self.index.own(title), *self.index.distractor_titles(title)]
        query = self.known[text] if text.strip() else np.zeros_like(self.known[text])
        scores = np.stack([self.known[name] for name in names]) @ query
        return shared_rank(scores[0], scores[1:])


class BertRecall:
    """BERTScore recall by lighteval's copy of bert-score, with the encoder's last layer, no idf, no rescaling.

    Args:
        pinned: the encoder.
    """

    def __init__(self, pinned: Pin) -> None:
        self.pinned = pinned
        self.known: dict[tuple[str, str], float] = {}

    def look_up(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Score every (text, reference). lighteval must be imported by now, see evaluation.lighteval_harness.pipeline."""
        from lighteval.metrics.imports.bert_scorer import BERTScorer

        model, tokenizer = load_encoder(self.pinned, "bertscore")
        scorer = BERTScorer(model_type=self.pinned.repo, device=model.device)
        # because it would load a name without a revision, when it is first asked
        scorer._model, scorer._tokenizer = model, tokenizer
        distinct = sorted({pair for pair in pairs if self.cut(*pair)})
        # one by one, because it batches texts in the order of a set, which differs between processes
        for pair in distinct:
            _, recall, _ = scorer.score([self.cut(*pair)], [pair[1]])
            self.known[pair] = float(recall)

    @staticmethod
    def cut(text: str, reference: str) -> str:
        """The text cut at the reference's number of words, so that a longer text scores no higher for its length."""
        return " ".join(text.split()[: len(reference.split())])

    def recall(self, text: str, reference: str) -> float:
        """The recall of a pair that was looked up; 0 for an empty text."""
        return self.known[text, reference] if self.cut(text, reference) else 0.0

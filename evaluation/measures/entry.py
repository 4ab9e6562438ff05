"""Types of a measure: its inputs (Scored, Written, Known), and the Entry that defines it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from evaluation.measures.scripts import Need
from titlecraft.records import Group


@dataclass(frozen=True)
class Scored:
    """The likelihood of a reference under a model; nothing is generated.

    Args:
        nll: negative log-likelihood of the reference's tokens and EOS given the prompt, summed, in nats.
        tokens: number of these tokens, with EOS.
        bytes: number of UTF-8 bytes of the same tokens, without EOS.
        nll_elsewhere: the same likelihood given the prompt of another title.
    """

    nll: float
    tokens: int
    bytes: int
    nll_elsewhere: float


class Known(Protocol):
    """What a measure can look up besides title, answer and reference."""

    def rank(self, title: str, text: str) -> float:
        """Rank of the title among its distractors, given the text; see evaluation.lookup.title_index."""
        ...

    def embedded_rank(self, title: str, text: str) -> float:
        """Rank of the title among its distractors by a pinned encoder, given the text; see evaluation.lookup.encoders."""
        ...

    def bert_recall(self, text: str, reference: str) -> float:
        """BERTScore recall of the reference by the text; see evaluation.lookup.encoders."""
        ...

    def overlap(self, name: str, text: str, reference: str) -> float:
        """The overlap score of this name; see evaluation.measures.overlap."""
        ...

    def value(self, entry: "Entry", answer: "Written") -> float:
        """The value of a measure with `alone`; see evaluation.lookup.overlaps."""
        ...

    def copied_words(self, text: str) -> tuple[int, int]:
        """Number of words of the text's longest passage from the training split, and of the text; see evaluation.lookup.copies."""
        ...


@dataclass(frozen=True)
class Written:
    """An answer that a model generated, with its reference.

    Args:
        text: the answer, decoded.
        tokens: tokens of the answer, without EOS.
        stopped: whether the answer ended with EOS, and not at the largest number of new tokens.
        reference: the dataset's description of the title.
        reference_tokens: tokens of the reference, without EOS.
        title: the title of the prompt.
        nll_in_order: summed NLL of the answer's whole sentences under the frozen base, in nats; None if there are
            not two of them.
        nll_shuffled: the same with the sentences shuffled.
        known: lookup of titles, training texts and encoder scores.
    """

    text: str
    tokens: int
    stopped: bool
    reference: str
    reference_tokens: int
    title: str
    nll_in_order: float | None
    nll_shuffled: float | None
    known: Known


@dataclass(frozen=True)
class Entry:
    """A measure. `value` computes the value of one title in one arm from a `Scored` or a `Written`, as `reads` says.

    Args:
        group: the notebook's claim that the measure tests, or its kind.
        corpus: makes the sacrebleu metric that scores all titles as one text: the record's before and after are the corpus
            scores, and `value` is the score of one title.
        largest: the size of a difference that one title could have, of a measure with a known scale: where no title differs, the
            interval allows for it. None without such a scale.
        neutral: the value of a text that tells nothing; the record counts such texts.
        needs: what the measure needs of a text's script (evaluation.measures.scripts); empty if it reads every script.
        shares_words: the value counts words that the answer shares with the reference or title, so that an answer in another
            script has a true 0.
        reads_title: the value depends on the title.
        alone: the value depends on title, text and reference alone, and takes long enough that other processes compute it.
        recomputed: what `titlecraft verify` computes the value from: the published texts, the published numbers of tokens
            (greedy answers only), or neither, if the value needs the model.
    """

    name: str
    label: str
    group: Group
    unit: str
    better: Literal["lower", "higher", "neither"]
    definition: str
    source: str
    reads: type[Scored] | type[Written]
    value: Callable[[Any], float]
    corpus: Callable[[], Any] | None = None
    largest: float | None = None
    neutral: float | None = None
    needs: tuple[Need, ...] = ()
    shares_words: bool = False
    reads_title: bool = False
    alone: bool = False
    recomputed: Literal["from texts", "from tokens", "never"] = "from texts"

    def corpus_metric(self) -> Any:
        """The sacrebleu metric of a measure that scores all titles as one text."""
        assert self.corpus is not None
        return self.corpus()

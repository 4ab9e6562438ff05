"""What a measure is: what it reads of a model, and the entry that defines it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from evaluation.measures.scripts import Need
from titlecraft.records import Group


@dataclass(frozen=True)
class Scored:
    """A reference under a model, without decoding.

    Args:
        nll: negative log-likelihood of the reference's tokens and EOS given the prompt, summed, in nats.
        tokens: how many tokens that is, EOS among them.
        bytes: how many bytes of UTF-8 the same tokens are, without EOS.
        nll_elsewhere: the same likelihood given the prompt of another title.
    """

    nll: float
    tokens: int
    bytes: int
    nll_elsewhere: float


class Known(Protocol):
    """What a measure may look up besides title, answer and reference."""

    def rank(self, title: str, text: str) -> float:
        """Rank of the title among its distractors, given the text; see evaluation.lookup.title_index."""
        ...

    def embedded_rank(self, title: str, text: str) -> float:
        """The same by a pinned encoder; see evaluation.lookup.encoders."""
        ...

    def bert_recall(self, text: str, reference: str) -> float:
        """BERTScore recall of the reference by the text; see evaluation.lookup.encoders."""
        ...

    def overlap(self, name: str, text: str, reference: str) -> float:
        """One of the scores of shared n-grams; see evaluation.measures.overlap."""
        ...

    def copied_words(self, text: str) -> tuple[int, int]:
        """Words of the longest run that stands in the training split, and all words; see evaluation.lookup.copies."""
        ...


@dataclass(frozen=True)
class Written:
    """An answer that a model wrote, beside the reference.

    Args:
        text: the answer, decoded.
        tokens: tokens of the answer, without EOS.
        stopped: the answer ended in EOS, rather than at the most new tokens.
        reference: the text that stands in the dataset.
        reference_tokens: its tokens, without EOS.
        title: the title that was asked.
        nll_in_order: summed NLL of the answer's whole sentences under the frozen base, in nats; None where there are not
            two of them.
        nll_shuffled: the same with the sentences in another order.
        known: where to look things up.
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
    """One measure. `value` gives the value for one title in one arm from what it `reads`.

    Args:
        group: the notebook's claim that it tests, or the kind of measure that it is.
        corpus: makes the sacrebleu metric that scores all titles as one text; `value` is its score of one title then, and
            the record's before and after are the score of them all.
        neutral: the value that means "nothing to tell from this text"; the record counts it.
        needs: what the measure needs of a text's script (evaluation.measures.scripts); none reads every script.
        shares_words: the value counts what the answer shares with reference or title, so that an answer in another script has
            a true 0. (Not ROUGE-L: of other scripts it sees digits alone.)
        reads_title: the value depends on the title too.
        recomputed: what `titlecraft verify` can compute the value from: the published texts, the published numbers of tokens
            (greedy answers only), or neither, where it needs the model.
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
    neutral: float | None = None
    needs: tuple[Need, ...] = ()
    shares_words: bool = False
    reads_title: bool = False
    recomputed: Literal["from texts", "from tokens", "never"] = "from texts"

    def corpus_metric(self) -> Any:
        """The sacrebleu metric of a measure that scores all titles as one text."""
        assert self.corpus is not None
        return self.corpus()

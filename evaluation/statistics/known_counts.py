"""Hands the n-gram counts of corpora to the processes that compute their statistics, so that they are not counted again."""

from typing import Any

from evaluation.measures import entry_named
from evaluation.measures.counts import keep_counts, kept_counts


def with_counts(call: tuple[Any, Any], processes: int) -> tuple[Any, Any]:
    """A call about two corpora with the n-gram counts that this process knows, so that another process need not count again."""
    function, (name, texts, references, settings, *more) = call
    pairs = [(text, reference) for arm in texts.values() for text, reference in zip(arm, references, strict=True)]
    counted = kept_counts(entry_named(name, settings).corpus_metric(), pairs) if processes > 1 else None
    if counted is None:
        return call
    return call_with_counts, (pairs, counted, function, (name, texts, references, settings, *more))


def call_with_counts(
    pairs: list[tuple[str, str]], counted: list[tuple[int, ...]], function: Any, arguments: tuple[Any, ...]
) -> Any:
    """Call a function of `with_counts` in another process."""
    name, _, _, settings, *_ = arguments
    keep_counts(entry_named(name, settings).corpus_metric(), pairs, counted)
    return function(*arguments)

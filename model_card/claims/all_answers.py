"""Claims about all answers taken together: repeated, copied, and those that do not end."""

from typing import Any

from evaluation.report.numbers import share
from evaluation.report.repetition import COLLAPSED, LOOPING, loops, repeats
from model_card.claims.claim import Claim
from titlecraft.records import Answers

ANSWERS = {
    f"{short}_{arm}": f"report.answers.{arm}.{name}"
    for arm in ("before", "after")
    for short, name in (("distinct", "distinct"), ("words", "words"), ("copied", "copied_words"))
}
LOOPS = {f"looping_{arm}": f"report.answers.{arm}.looping" for arm in ("before", "after")}


def together(values: dict[str, Any]) -> dict[str, Any]:
    """How many of the answers differ, and which share of their words is copied, in both arms."""
    return {f"share_{arm}": share(values[f"copied_{arm}"], values[f"words_{arm}"]) for arm in ("before", "after")}


def collapsed(values: dict[str, Any]) -> dict[str, Any] | None:
    """None unless the tuned model gives few different answers, or copies most of its words."""
    answers = Answers(
        distinct=values["distinct_after"],
        most_repeated=0,
        distinct_2=0.0,
        words=values["words_after"],
        copied_words=values["copied_after"],
    )
    return {} if repeats(answers, values["n"]) else None


def looping(values: dict[str, Any]) -> dict[str, Any] | None:
    """None unless more answers of the tuned model than of the base repeat themselves and do not end."""
    return {} if loops(values["looping_before"], values["looping_after"], values["n"]) else None


ALL_ANSWERS = (
    Claim("result.collapsed", "result", f"> **{COLLAPSED}**", ANSWERS | {"n": "report.n"}, derive=collapsed),
    Claim(
        "result.answers", "result",
        "> Different answers to {n:,} titles: {distinct_after:,} after fine-tuning, {distinct_before:,} before; the most frequent one is given "
        "{repeated:,} times. Words in passages of eight words or more from the training texts: {share_after} after, {share_before} before.",
        ANSWERS | {"n": "report.n", "repeated": "report.answers.after.most_repeated"}, derive=together,
    ),
    Claim(
        "result.looping", "result", f"> **{LOOPING}**",
        LOOPS | {"n": "report.n", "tokens": "report.generation.max_new_tokens"}, derive=looping,
    ),
)  # fmt: skip

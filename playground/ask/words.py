"""The words in which terminal and page say how an answer came to be: the same in both."""

from playground.ask.answer import Answer, Arm
from playground.ask.sources import Unsupported
from titlecraft.search.row_index import FoundRow, Match

ARM_NAMES: dict[Arm, str] = {"base": "Base model", "tuned": "Tuned model"}
MATCHES: dict[Match, str] = {"exact": "same title", "near": "near title", "words": "words in common"}
MARKS: dict[Unsupported, str] = {"number": "numbers", "name": "names", "word": "other words"}
EXCERPT = 220  # characters of a row's text that are shown at first


def visible(text: str) -> str:
    """The text without characters that a terminal or a page would obey: line breaks and tabs stay."""
    return "".join(c if c in "\n\t" or not (ord(c) < 32 or 127 <= ord(c) < 160) else "\ufffd" for c in text)


def stop_reason(answer: Answer) -> str:
    """Why the answer is as long as it is."""
    match answer.stop:
        case None:
            return "writing …"
        case "eos":
            return "ended by itself (EOS)"
        case "length":
            return "cut at the most new tokens"
        case "context":
            return "cut: the model's context is full"


def facts(answer: Answer, nll: float | None) -> list[str]:
    """Short statements about an answer; NLL only where it was measured."""
    found = [stop_reason(answer), f"{answer.tokens} tokens"]
    if answer.tokens_per_second:
        found.append(f"{answer.tokens_per_second:,.0f} tokens/s")
    if answer.first_seconds is not None:
        found.append(f"first token after {answer.first_seconds:.2f} s")
    if nll is not None:
        found.append(f"NLL of the reference {nll:.3f} nats/token")
    return found


def nll_note(reference: FoundRow, in_prompt: int) -> str:
    """What the NLL is that of."""
    said = (
        f"NLL is that of the description of {reference.uid} ({reference.split} split), given the prompt that was sent"
    )
    return said + (", which holds that description: it says nothing of what the model knows." if in_prompt else ".")


def place_of(row: FoundRow) -> str:
    """Where a row lies."""
    return f"row {row.row:,} of {row.file.removeprefix('data/').removesuffix('.parquet')}"

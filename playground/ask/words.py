"""Words about answers and sources that the terminal and the page share."""

from playground.ask.answer import Answer, Arm
from playground.ask.sources import Unsupported
from titlecraft.search.row_index import FoundRow, Match

ARM_NAMES: dict[Arm, str] = {"base": "Base model", "tuned": "Tuned model"}
MATCHES: dict[Match, str] = {"exact": "same title", "near": "similar title", "words": "words in common"}
MARKS: dict[Unsupported, str] = {"number": "numbers", "name": "names", "word": "other words"}
EXCERPT = 220  # characters of a row's text


def visible(text: str) -> str:
    """The text with control characters, except newlines and tabs, replaced by U+FFFD."""
    return "".join(c if c in "\n\t" or not (ord(c) < 32 or 127 <= ord(c) < 160) else "\ufffd" for c in text)


def stop_reason(answer: Answer) -> str:
    """Why the answer ended, in words."""
    match answer.stop:
        case None:
            return "writing …"
        case "eos":
            return "ended with EOS"
        case "length":
            return "truncated at the maximum of new tokens"
        case "context":
            return "truncated at the model's context length"


def facts(answer: Answer, nll: float | None) -> list[str]:
    """Short facts about an answer: stop reason, length, speed, and the reference's NLL if it was measured."""
    statements = [stop_reason(answer), f"{answer.tokens} tokens"]
    if answer.tokens_per_second:
        statements.append(f"{answer.tokens_per_second:,.0f} tokens/s")
    if answer.first_seconds is not None:
        statements.append(f"first token after {answer.first_seconds:.2f} s")
    if nll is not None:
        statements.append(f"NLL of the reference {nll:.3f} nats/token")
    return statements


def nll_note(reference: FoundRow, in_prompt: int) -> str:
    """A sentence that says of which text the NLL is."""
    sentence = f"The NLL is that of the description of {reference.uid} ({reference.split} split), given the prompt"
    return sentence + (
        ", which contains that description: it does not show what the model has learned." if in_prompt else "."
    )


def place_of(row: FoundRow) -> str:
    """The position of a row: its number and its file."""
    return f"row {row.row:,} of {row.file.removeprefix('data/').removesuffix('.parquet')}"

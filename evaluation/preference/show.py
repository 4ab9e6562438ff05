"""The result of a judgement in words: the sentence, its warnings, the console's table and the page."""

from pathlib import Path

from msgspec import UNSET
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from evaluation.preference.pairs import Pairs
from evaluation.preference.record import PreferenceRecord, Share
from evaluation.report import wording
from evaluation.report.examples import MARKUP
from evaluation.report.pages import FRAME, MOST_BYTES, page_environment
from titlecraft.hub.pins import address

JSON, HTML = "preference.json", "preference.html"
NOTHING = "–"  # of a share without titles
FEWEST_OF_A_LENGTH = 10  # titles where an arm is longer, or shorter; fewer say nothing about that length
OFTEN = 0.5  # share of titles; orders that agree for fewer leave too little to judge by


def percent(share: float) -> str:
    """A share in per cent, one decimal."""
    return f"{100 * share:.1f}%"


def in_words(share: Share | None, units: str = "titles") -> str:
    """A share with its interval, or that there are too few units for one."""
    if share is None:
        return NOTHING
    if share.low is None or share.high is None:
        return f"{percent(share.share)} (too few {units} for an interval)"
    return f"{percent(share.share)} ({percent(share.low)} to {percent(share.high)})"


def with_count(share: Share | None) -> str:
    """A share with its interval and its number of titles."""
    return NOTHING if share is None else f"{in_words(share)}, n={share.n:,}"


def excludes_half(share: Share | None) -> bool:
    """Whether the interval excludes one half; False without an interval."""
    return share is not None and share.low is not None and share.high is not None and not share.low <= 0.5 <= share.high


def sentence(record: PreferenceRecord) -> str:
    """The answer in one sentence."""
    rate, (first, second) = record.win_rate, record.arms
    if rate.low is None or rate.high is None:
        return f"{second} wins {percent(rate.share)} of {rate.n} titles, ties half: too few titles for an interval."
    measured = f"{second} wins {percent(rate.share)} of {rate.n:,} titles, ties half ({wording.coverage(record.evaluation)} interval {percent(rate.low)} to {percent(rate.high)})"
    if not excludes_half(rate) or record.p_value > record.evaluation.level:
        return f"No measured preference between {first} and {second}: {measured}."
    who = "The judge prefers" if record.judge is not UNSET else "The voters prefer"
    return f"{who} {second if rate.share > 0.5 else first}: {measured}."


def warnings(record: PreferenceRecord) -> list[str]:
    """What speaks against this judge; empty if nothing does."""
    texts = []
    position, length = record.first_shown, record.length
    if excludes_half(position) and position is not None:
        place = "first" if position.share > 0.5 else "second"
        share = position.share if place == "first" else 1 - position.share
        texts.append(
            f"Position bias: {percent(share)} of the answers prefer the text that is shown {place}, ties half."
        )
    if record.orders_agree is not None and record.orders_agree.share < OFTEN:
        texts.append(
            f"The two orders agree for {percent(record.orders_agree.share)} of the titles only; the others count as ties, and the win rate says "
            "little about the texts."
        )
    longer = length.longer_wins
    if excludes_half(longer) and longer is not None:
        side = "longer" if longer.share > 0.5 else "shorter"
        share = longer.share if side == "longer" else 1 - longer.share
        texts.append(
            f"Length bias: the {side} text wins {percent(share)} of {longer.n:,} titles with a winner; {by_length(record)}."
        )
    if record.no_verdict:
        texts.append(f"{record.no_verdict} of {record.n:,} titles have no verdict and are left out.")
    return texts


def by_length(record: PreferenceRecord) -> str:
    """Whether the second arm wins only where it has one of the two lengths."""
    second, longer, shorter = record.arms[1], record.length.when_longer, record.length.when_shorter
    if longer is None or shorter is None or min(longer.n, shorter.n) < FEWEST_OF_A_LENGTH:
        count = 0 if longer is None else longer.n
        return f"{second} is longer for {count:,} of {record.win_rate.n:,} titles: length and preference cannot be told apart"
    rates = f"{second} wins {percent(longer.share)} where it is longer and {percent(shorter.share)} where it is shorter"
    opposite = (longer.share - 0.5) * (shorter.share - 0.5) < 0
    return f"{rates}: the winner follows the length" if opposite else f"{rates}: not length alone"


def lines(record: PreferenceRecord) -> list[tuple[str, str]]:
    """The figures of a record, label and value, in the order of table and page."""
    second, length = record.arms[1], record.length
    rows = [
        (f"win rate of {second}, ties half", in_words(record.win_rate)),
        ("wins / ties / losses", f"{record.wins:,} / {record.ties:,} / {record.losses:,}"),
        ("p-value", f"{max(record.p_value, wording.smallest_p_value(record.evaluation)):.4f}"),
        ("equal texts, a tie without a question", f"{record.identical:,}"),
        ("titles without a verdict or vote", f"{record.no_verdict:,}"),
        ("answers for the text shown first", in_words(record.first_shown)),
        ("same answer in both orders", in_words(record.orders_agree)),
        ("the longer text wins", in_words(length.longer_wins)),
        (f"win rate where {second} is longer", with_count(length.when_longer)),
        (f"win rate where {second} is shorter", with_count(length.when_shorter)),
    ]  # fmt: skip
    if record.people is not UNSET:
        rows += [(f"win rate by {voter.name}", in_words(voter.win_rate)) for voter in record.people.voters]
        rows.append(("interval over voters instead of titles", in_words(record.people.over_voters, "voters")))
        rows.append(("titles on which several voters agree", in_words(record.people.agreement)))
    return [row for row in rows if row[1] != NOTHING]


def print_preference(record: PreferenceRecord) -> None:
    """Print the figures, the answer and what speaks against the judge."""
    table = Table("", f"share ({wording.coverage(record.evaluation)} interval)", box=SIMPLE_HEAD, pad_edge=False)
    for label, value in lines(record):
        table.add_row(escape(label), value)
    console = Console(highlight=False)
    console.print(table)
    for text in [sentence(record), *warnings(record)]:
        console.print(text, markup=False)


def render_preference(record: PreferenceRecord, pairs: Pairs) -> str:
    """The page, one self-contained file. The same record and pairs give the same page; it has as many titles as fit."""
    shown, used = [], FRAME
    for pair, title in zip(pairs.pairs, record.titles, strict=True):
        used += 2 * (MARKUP + len((pair.title + "".join(pair.texts)).encode()))
        if used > MOST_BYTES:
            break
        shown.append((pair, title))
    return (
        page_environment()
        .get_template("preference.html.jinja")
        .render(record=record, shown=shown, lines=lines(record), sentence=sentence(record), warnings=warnings(record), address=address, wording=wording, UNSET=UNSET, zip=zip)
    )  # fmt: skip


def write_preference(record: PreferenceRecord, pairs: Pairs, out: Path) -> None:
    """Write preference.json and preference.html to a folder."""
    out.mkdir(parents=True, exist_ok=True)
    (out / JSON).write_bytes(record.to_json())
    (out / HTML).write_text(render_preference(record, pairs), encoding="utf-8")

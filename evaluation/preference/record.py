"""preference.json: whose texts were preferred, by whom, and how far the order and the length of the texts decided it."""

from typing import Literal

from msgspec import UNSET, UnsetType

from evaluation.side_by_side.comparison import Contender
from titlecraft.records import Code, Pin, Record
from titlecraft.settings import Evaluation


class Share(Record, frozen=True):
    """A share of `n` titles, with its interval over titles or clusters of titles; None where they are too few for one."""

    share: float
    low: float | None
    high: float | None
    n: int


class LengthBias(Record, frozen=True):
    """How the winner depends on the length in characters.

    `longer_wins` is the share of titles with a winner and texts of different lengths in which the longer text won.
    `when_longer` and `when_shorter` are the win rates over the titles whose text of the second arm is the longer or the shorter
    one: a judge of the texts prefers the same arm in both. None where no title is of that kind.
    """

    longer_wins: Share | None
    when_longer: Share | None
    when_shorter: Share | None


class Judge(Record, frozen=True):
    """The language model that judged: its name at the endpoint, the prompt and the decoding; `date` is that of the last answer, in UTC.

    `revision` is what the endpoint says of the version that answered (OpenAI's system_fingerprint); None if it says nothing.
    """

    model: str
    revision: str | None
    endpoint: Literal["this machine", "OpenAI-compatible endpoint", "Hugging Face inference provider"]
    prompt: str
    prompt_sha256: str
    temperature: float
    max_tokens: int
    date: str


class Voter(Record, frozen=True):
    """A person and the win rate of their votes."""

    name: str
    win_rate: Share


class People(Record, frozen=True):
    """The people who voted.

    `over_voters` is the share of votes with an interval over the voters, which speaks of other people too; None for one voter.
    `agreement` is the share of titles with several votes on which all of them agree; None without such titles.
    """

    voters: list[Voter]
    over_voters: Share | None
    agreement: Share | None
    date: str


class TitlePreference(Record, frozen=True):
    """What was said of one title.

    `answers` are "1", "2", "tie" or "no verdict": of a judge with the first arm's text shown first, then second. They are empty
    for equal texts, which are a tie without a question, and for votes of people. `score` is 1 where the second arm's text is
    preferred, 0 where the first arm's is, 0.5 for a tie, the mean of several votes, and None without a verdict.
    """

    uid: str
    answers: list[Literal["1", "2", "tie", "no verdict"]]
    score: float | None


class PreferenceRecord(Record, frozen=True):
    """The preference between two arms of texts for the same `n` titles; ties count half in `win_rate`, that of `arms[1]`.

    `p_value` is of random sign flips of the titles' (or clusters') scores around one half, two-sided. `first_shown` is the share of
    answers for the text that was shown first, ties half, which is 0.5 for a judge without position bias. `orders_agree` is the
    share of titles with the same answer in both orders; None for people, who see one order. `votes` counts answers or votes.
    """

    arms: list[str]
    report: Contender
    against: Contender | None
    dataset: Pin
    split: str
    evaluation: Evaluation
    code: Code
    n: int
    votes: int
    identical: int
    no_verdict: int
    wins: int
    ties: int
    losses: int
    win_rate: Share
    p_value: float
    first_shown: Share | None
    orders_agree: Share | None
    length: LengthBias
    clusters: int | None
    interval_method: str
    titles: list[TitlePreference]
    judge: Judge | UnsetType = UNSET
    people: People | UnsetType = UNSET
    schema: Literal["titlecraft/preference/1"] = "titlecraft/preference/1"

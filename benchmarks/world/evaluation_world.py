"""The repos for benchmarks/evaluation_speed.py: a base with random weights, a catalogue of made-up words and an adapter, on an
embedded Hub. Neither the words nor the weights change the duration of an evaluation.

Every token of the base is a word, so that the answers of random weights have sentences, names and numbers, and each measure has
as much work as with a trained base. The weights are not uploaded to the Hub: they are linked into the client's cache, at the
commit of the base.
"""

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

SPECIAL = ["<s>", "</s>", "<pad>", "<unk>"]
SYLLABLES = [
    first + vowel
    for first in ("b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z")
    for vowel in "aeiou"
]
TITLE_WORDS, LONGEST, ROWS_AT_ONCE = 10, 1_900, 50_000
BASE, DATASET, ADAPTER = "titlecraft/random-base", "titlecraft/words-{}", "titlecraft/random-adapter-{}"


@dataclass(frozen=True)
class Catalogue:
    """One dataset to publish.

    Args:
        name: ends the names of the dataset's and the adapter's repo.
        train: rows of the training split; as many as the real file leaves are 1.2 million.
        test: rows of the test split.
        long: share of the test split whose descriptions have LONGEST words.
        max_length: most tokens of prompt and description together, as the adapter's training record has it.
    """

    name: str
    train: int
    test: int
    long: float
    max_length: int


def words(count: int) -> list[str]:
    """Return this number of distinct words: one in twelve ends a sentence, one in twelve is a name, one in forty a number."""
    found = list(dict.fromkeys(prompt_words()))
    for number in range(count - len(found)):
        word, rest = "", number
        while not word or rest:
            word, rest = word + SYLLABLES[rest % len(SYLLABLES)], rest // len(SYLLABLES)
        if number % 40 == 0:
            word = f"{number + 1}"
        elif number % 12 == 5:
            word = word.capitalize()
        found.append(f"{word}." if number % 12 == 7 else word)
    return found


def prompt_words() -> list[str]:
    """Return the words of the prompt around a title."""
    from titlecraft.prompt import PromptFormat
    from titlecraft.settings import Prompt

    return PromptFormat.from_settings(Prompt()).render_title(" ").split()


def save_tokenizer(folder: Path, vocabulary: int) -> None:
    """Save a tokenizer in which every token is a word between white space."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    every = [*SPECIAL, *words(vocabulary - len(SPECIAL))]
    model = models.WordLevel({word: place for place, word in enumerate(every)}, unk_token=SPECIAL[3])
    backend = Tokenizer(model)
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    names = dict(zip(("bos_token", "eos_token", "pad_token", "unk_token"), SPECIAL, strict=True))
    PreTrainedTokenizerFast(tokenizer_object=backend, **names).save_pretrained(folder)


def texts(lengths: np.ndarray, vocabulary: Any, drawn: np.random.Generator) -> Any:
    """Return a pyarrow array of texts with these numbers of words; a few words are frequent, most are rare."""
    import pyarrow as pa
    import pyarrow.compute as pc

    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    places = (len(vocabulary) * drawn.random(offsets[-1]) ** 3).astype(np.int64)
    join: Any = pc.binary_join  # pyright: ignore[reportAttributeAccessIssue]  # made when pyarrow is imported
    return join(pa.ListArray.from_arrays(offsets, vocabulary.take(pa.array(places))), " ")


def rows(count: int, long: float, first: int, vocabulary: Any, drawn: np.random.Generator) -> Any:
    """Return a table as the dataset builder publishes it; lengths of descriptions are log-normal, 185 words on average."""
    import pyarrow as pa

    from titlecraft.prompt import PromptFormat
    from titlecraft.settings import Prompt

    prompt = PromptFormat.from_settings(Prompt())
    lengths = np.clip(drawn.lognormal(4.9, 0.8, count), 20, LONGEST).astype(np.int64)
    lengths[: int(long * count)] = LONGEST
    titles = texts(np.full(count, TITLE_WORDS), vocabulary, drawn).to_pylist()
    return pa.table(
        {
            "uid": [f"B{first + place:09d}" for place in range(count)],
            "title": titles,
            "instruction": [prompt.instruction] * count,
            "input": [prompt.input_for(title) for title in titles],
            "output": texts(lengths, vocabulary, drawn),
        }
    )


def write_dataset(folder: Path, catalogue: Catalogue, vocabulary: int) -> None:
    """Write parquet splits and prompt.json."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from titlecraft.prompt import PromptFormat
    from titlecraft.settings import Prompt

    (folder / "data").mkdir(parents=True)
    known, drawn = pa.array(words(vocabulary - len(SPECIAL)), pa.string()), np.random.default_rng(1)
    for split, count, long in (("train", catalogue.train, 0.0), ("test", catalogue.test, catalogue.long)):
        file, writer = folder / "data" / f"{split}-00000-of-00001.parquet", None
        for first in range(0, count, ROWS_AT_ONCE):
            table = rows(min(ROWS_AT_ONCE, count - first), long, first, known, drawn)
            writer = writer or pq.ParquetWriter(file, table.schema, compression="zstd")
            writer.write_table(table)
        assert writer is not None, "a split has rows"
        writer.close()
    (folder / "prompt.json").write_bytes(PromptFormat.from_settings(Prompt()).to_json())


def publish_base(weights: Path, folder: Path) -> Any:
    """Publish config and tokenizer of a base, and link its weights into the client's cache; return its pin.

    The Hub gets weight files without tensors, since 16 GB would be copied twice.
    """
    from safetensors.numpy import save_file

    from tests.evaluation.published_world import upload
    from titlecraft.hub.pins import download

    folder.mkdir()
    for file in weights.glob("*.json"):
        if not file.name.startswith(("tokenizer", "special_tokens")):
            shutil.copy(file, folder)
    for file in weights.glob("*.safetensors"):
        save_file({}, folder / file.name)
    save_tokenizer(folder, json.loads((weights / "config.json").read_text())["vocab_size"])
    pinned = upload(folder, BASE, "model")
    cached = download(pinned)
    for file in weights.glob("*.safetensors"):
        (cached / file.name).unlink()
        (cached / file.name).symlink_to(file.absolute())
    return pinned


def save_adapter(model: Any, folder: Path) -> None:
    """Save the adapter of a PeftModel, without the README that PEFT writes."""
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)


def publish_adapter(folder: Path, base: Any, loaded: Any, catalogue: Catalogue, work: Path, vocabulary: int) -> str:
    """Publish a dataset and the saved adapter, whose record names that dataset; return NS/NAME@REVISION."""
    import msgspec

    from tests.evaluation.published_world import training_record, upload
    from titlecraft.settings import Base

    write_dataset(work / catalogue.name, catalogue, vocabulary)
    dataset = upload(work / catalogue.name, DATASET.format(catalogue.name), "dataset")
    shutil.rmtree(work / catalogue.name)
    record = msgspec.structs.replace(
        training_record(dataset, base, loaded.quantization),
        precision=loaded.precision,
        base_settings=Base(repo=base.repo, quantization=loaded.quantization, max_length=catalogue.max_length),
    )
    (folder / "training_record.json").write_bytes(record.to_json())
    adapter = upload(folder, ADAPTER.format(catalogue.name), "model")
    print(json.dumps({"published": asdict(catalogue)}), flush=True)
    return f"{adapter.repo}@{adapter.revision}"

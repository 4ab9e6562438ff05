"""Fixtures: an engine with a tiny model, and an index of tiny rows. No Hub is involved."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evaluation.inputs import Inputs
from playground.ask.engine import Engine
from tests.evaluation.published_world import training_record
from tests.tiny_world import add_adapter, make_base, row, train_tokenizer
from titlecraft.models.adapter.load import Loaded
from titlecraft.models.base.model import LoadedBase
from titlecraft.prompt import PromptFormat
from titlecraft.records import Pin
from titlecraft.search.row_index import RowIndex
from titlecraft.search.row_index_build import ensure_index
from titlecraft.settings import Evaluation, Prompt

DATASET = Pin(type="dataset", repo="titlecraft/tiny-dataset", revision="d" * 40)
BASE = Pin(type="model", repo="titlecraft/tiny-base", revision="b" * 40)
ADAPTER = Pin(type="model", repo="titlecraft/tiny-adapter", revision="a" * 40)
HOSTILE = "<img src=x onerror='window.hacked=1'><script>window.hacked=1</script>${window.hacked=1}{{window.hacked=1}}"


@pytest.fixture(scope="session")
def engine() -> Engine:
    """An engine with a tiny randomly initialised model and a random adapter."""
    tokenizer = train_tokenizer()
    model = add_adapter(make_base(len(tokenizer)))
    base = LoadedBase(model, tokenizer, "none", None, "float32")
    record = training_record(DATASET, BASE, "none")
    prompt = PromptFormat.from_settings(Prompt())
    inputs = Inputs(ADAPTER, record, prompt, weights={}, evaluation=Evaluation(), key="0" * 64)
    return Engine(inputs, Loaded(model, tokenizer, base, checks=[]))


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> RowIndex:
    """An index of 300 training rows and 70 test rows; the last test row contains hostile markup."""
    folder = tmp_path_factory.mktemp("index")
    (folder / "data").mkdir()
    rows = {"train": [row(number) for number in range(300)], "test": [row(number) for number in range(330, 400)]}
    rows["test"][-1] |= {"title": f"Zeppelin {HOSTILE}", "output": f"A zeppelin of 1937. {HOSTILE} \x1b[31m"}
    for split, split_rows in rows.items():
        pq.write_table(pa.Table.from_pylist(split_rows), folder / "data" / f"{split}-00000-of-00001.parquet")
    ensure_index(folder / "index", DATASET, lambda: folder)
    return RowIndex(folder / "index", DATASET)

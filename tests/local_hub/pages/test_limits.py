"""Pages of files that are small on disk and large in memory, or that take a parser very long, are answered within limits."""

import io
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from local_hub.community import discussions
from local_hub.pages.dataset import first_rows
from local_hub.pages.history import changes
from local_hub.pages.markdown import Surroundings, render_markdown
from local_hub.repos import info
from local_hub.repos.info import card_of
from local_hub.untrusted import bounded
from tests.local_hub.pages.pages_world import World, parquet, put, text_of

pytestmark = pytest.mark.slow

WHERE = Surroundings("model", "ada/net", "main")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("world"))


def packed(table: pa.Table, **options) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file, compression="zstd", **options)
    assert file.tell() < 500_000
    return file.getvalue()


def one_value() -> bytes:
    return packed(pa.table({"a": ["x" * (150 << 20)]}))


def one_long_list() -> bytes:
    offsets, values = pa.array([0, 30_000_000], pa.int32()), pa.nulls(30_000_000, pa.int64())
    return packed(pa.table({"a": pa.ListArray.from_arrays(offsets, values)}))


def one_value_often() -> bytes:
    return packed(pa.table({"a": pa.array(["x" * (15 << 20)] * 20).dictionary_encode()}))


@pytest.mark.parametrize("make", [one_value, one_long_list, one_value_often])
def test_parquet_that_unpacks_into_far_more(world, make, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bounded, "_MAX_BYTES", 250 * 2**20)
    monkeypatch.setattr(bounded, "_idle", [])
    name = f"ada/{make.__name__}"
    world.repo("dataset", name, {"data/train.parquet": make()})
    began = time.monotonic()
    page = text_of(world.get(f"/datasets/{name}"))
    assert "data/train.parquet is too large to show as a table here" in page
    assert "too large" in text_of(world.get(f"/datasets/{name}/blob/main/data/train.parquet"))
    assert time.monotonic() - began < 20


def test_large_row_groups_of_small_rows_are_shown(world):
    rows = [f"title {number} " + "word " * 50 for number in range(100_000)]
    world.repo("dataset", "ada/large", {"train.parquet": parquet({"title": rows, "other": rows})})
    page = text_of(world.get("/datasets/ada/large"))
    assert "first 20 of 100,000 rows" in page


def test_a_table_of_thousands_of_columns_is_cut(world):
    names = [f"c{number}" for number in range(5000)]
    csv = ",".join(names) + "\n" + ",".join("1" for _ in names) + "\n"
    world.repo("dataset", "ada/wide", {"train.csv": csv})
    world.repo("dataset", "ada/wider", {"train.parquet": parquet({name: [1, 2] for name in names[:1000]})})
    for name, hidden in (("wide", "4,800"), ("wider", "800")):
        page = world.get(f"/datasets/ada/{name}")
        assert f"{hidden} more columns are not shown" in text_of(page)
        assert len(page) < 200_000


def test_many_long_cells_and_names_are_cut(world):
    row = ",".join(["y" * 20_000] * 90)
    world.repo("dataset", "ada/fat", {"train.csv": "n" * 100_000 + "," * 89 + "\n" + row + "\n"})
    assert len(world.get("/datasets/ada/fat")) < 1_500_000


@pytest.mark.parametrize("content", [b"[" * 50_000, b'{"a":' * 10_000, b"\x00" * 10_000])
def test_nonsense_has_a_page(world, content, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bounded, "_SECONDS", 0.5)
    name = f"ada/nonsense-{content[1] % 7}-{len(content)}"
    files = {"data.jsonl": content, "data.json": content, "data.csv": content, "README.md": content}
    world.repo("dataset", name, files)
    world.get(f"/datasets/{name}")
    for path in files:
        world.get(f"/datasets/{name}/blob/main/{path}")


def test_a_text_that_takes_the_parser_minutes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bounded, "_SECONDS", 0.5)
    bounded.bounded(len, b"")  # the process has started
    began = time.monotonic()
    html = render_markdown("![a](" * 100_000, WHERE)
    assert time.monotonic() - began < 5
    assert "too large to show formatted, and this is only its beginning" in html
    assert len(html) < 200_000


def test_thousands_of_equal_headings():
    began = time.monotonic()
    html = render_markdown("# a\n" * 4900, WHERE)
    assert time.monotonic() - began < 5
    assert html.count("<h1") == 4900
    assert render_markdown("# a\n# a\n", WHERE).count("id=") == 2


def test_a_long_honest_card_is_formatted():
    html = render_markdown("# Title\n\n" + "Some *words* and [a link](other.md).\n\n" * 3000, WHERE)
    assert html.count("<em>words</em>") == 3000
    assert "too large" not in html
    long = render_markdown("words words words\n\n" * 30_000, WHERE)
    assert "only its beginning is shown" in long
    assert len(long) < 1_100_000


def test_source_that_takes_pygments_for_ever_is_shown_plain(world, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bounded, "_SECONDS", 0.5)
    bounded.bounded(len, b"")
    world.repo("model", "ada/source", {"a.yaml": "%" * 190_000, "a.html": "<!--" * 45_000})
    for path in ("a.yaml", "a.html"):
        began = time.monotonic()
        page = world.get(f"/ada/source/blob/main/{path}")
        assert time.monotonic() - began < 5
        assert "%%%%" in page or "&lt;!--&lt;!--" in page


def test_a_commit_whose_comparison_takes_minutes(world, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(changes, "_SECONDS", 0.3)
    monkeypatch.setattr(bounded, "_SECONDS", 1.0)
    bounded.bounded(len, b"")
    old = {f"{number}.txt": "".join(f"{line % 150}\n" for line in range(15_000)) for number in range(5)}
    new = {path: "".join(f"{line * 7 % 151}\n" for line in range(15_000)) for path in old}
    repo = world.repo("model", "ada/changes", {**old, "small.txt": "one\n"})
    oid = put(repo, {**new, "small.txt": "two\n"})
    began = time.monotonic()
    page = text_of(world.get(f"/ada/changes/commit/{oid}"))
    assert time.monotonic() - began < 8
    assert "too large to compare here" in page


def test_a_readme_of_many_megabytes(world):
    repo = world.repo("model", "ada/readme", {"README.md": "---\nlicense: mit\n---\n# Title\n" + "x" * 9_000_000})
    page = text_of(world.get("/ada/readme"))
    assert "license mit" in page
    assert "only its first 4 MB were read" in page
    assert len(page) < 2_000_000
    assert card_of(repo, repo.head()) == {"license": "mit"}


def test_what_is_kept_of_cards_is_small(world, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(info, "_MAX_KEPT", 3)
    repo = world.repo("model", "ada/kept", {})
    for number in range(6):
        put(repo, {"README.md": f"---\nlicense: mit\n---\n{number}" + "x" * 100_000})
        assert card_of(repo, repo.head()) == card_of(repo, repo.head()) == {"license": "mit"}
    assert len(info._cards) <= 3
    before = dict(info._cards)
    put(repo, {"README.md": "---\ntags:\n" + "- a\n" * 20_000 + "---\n"})
    assert len(card_of(repo, repo.head())["tags"]) == 20_000
    assert info._cards == before


def test_cards_with_thousands_of_everything(world):
    configs = "".join(f"- {{config_name: c{n}, data_files: '**/*{n}*.csv'}}\n" for n in range(2000))
    files = {f"data/{number}.csv": "a\n1\n" for number in range(300)}
    world.repo("dataset", "ada/configs", {"README.md": f"---\nconfigs:\n{configs}---\n", **files})
    results = "".join(f"  - task: {{type: t{n}}}\n    metrics: [{{type: m, value: {n}}}]\n" for n in range(1000))
    world.repo("model", "ada/results", {"README.md": f"---\nmodel-index:\n- name: m\n  results:\n{results}---\n"})
    began = time.monotonic()
    world.get("/datasets/ada/configs")
    page = world.get("/ada/results")
    assert time.monotonic() - began < 15
    assert page.count("<thead>") <= 201


def test_a_discussion_of_thousands_of_entries(world):
    repo = world.repo("model", "ada/talk", {})
    discussion = discussions.Discussion(1, "a title", "ada")
    for number in range(1000):
        discussion.comment("ada", f"comment {number}")
    discussions.save(repo, discussion)
    page = text_of(world.get("/ada/talk/discussions/1"))
    assert "comment 299" in page
    assert "700 more entries are not shown" in page


def test_a_file_in_git_too_large_for_a_table(world, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(first_rows, "_MAX_GIT_BYTES", 100)
    world.repo("dataset", "ada/plain", {"train.csv": "a,b\n" + "1,2\n" * 100})
    assert "too large to show as a table" in text_of(world.get("/datasets/ada/plain"))


def test_a_download_of_a_large_git_file_waits_on_disk(world):
    content = bytes(range(256)) * 20_000
    world.repo("model", "ada/disk", {"a.txt": content})
    assert world.anonymous.get("/ada/disk/resolve/main/a.txt").content == content
    part = world.anonymous.get("/ada/disk/resolve/main/a.txt", headers={"Range": "bytes=2000000-2000009"})
    assert (part.status_code, part.content) == (206, content[2_000_000:2_000_010])

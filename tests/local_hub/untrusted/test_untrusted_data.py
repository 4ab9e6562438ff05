"""Untrusted JSON is read within bounds, and bad cards are refused everywhere."""

import ast
import json
import time
from pathlib import Path

import pytest

import local_hub
from local_hub.untrusted.card_metadata import check_card, parse_card
from local_hub.untrusted.data import BadData, read_json, read_json_object
from local_hub.untrusted.yaml_reader import read_yaml
from tests.local_hub.pages.pages_world import WRITE_TOKEN, World, put, text_of
from tests.local_hub.untrusted.test_yaml import BOMBS

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("text", ["a: .nan", "a: [.inf]", "a: -.Inf", "a: 1.0e+400", "a: 1\na: 2", "a: {b: 1, 'b': 2}"])
def test_what_comes_in_has_finite_numbers_and_each_name_once(text: str) -> None:
    read_yaml(text)
    with pytest.raises(BadData, match=r"^line \d: "):
        read_yaml(text, strict=True)


@pytest.mark.parametrize(
    "content",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        "[" * 65 + "]" * 65,
        "[1," * 70,
        '["\\"", ' * 70,
        "9" * 5000,
        "-" + "9" * 400,
        b"\xff\xfe{\0}\0",
        b"",
        b"\0",
        "[" + "[]," * 3_000_000 + "1]",
        '{"a": 1',
        "'a'",
        b"\xed\xa0\x80",
        "1 2",
    ],
)
def test_odd_json_is_refused_in_one_line(content: bytes | str) -> None:
    began = time.process_time()
    with pytest.raises(BadData) as refused:
        read_json(content)
    assert "\n" not in str(refused.value)
    assert time.process_time() - began < 3


def test_200_megabytes_are_refused_before_they_are_read() -> None:
    with pytest.raises(BadData, match="longer than"):
        read_json(b"[" * (200 << 20))
    with pytest.raises(BadData, match="longer than"):
        read_yaml("[" * (200 << 20))


def test_json_strict_and_lenient() -> None:
    for text, lenient in (
        ("[NaN, -Infinity, 1e999]", [None, None, None]),
        ('{"a": 1, "a": 2}', {"a": 2}),
        ('{"\\ud800": "\\udc00"}', {"\ufffd": "\ufffd"}),
    ):
        assert read_json(text) == lenient
        with pytest.raises(BadData):
            read_json(text, strict=True)
    assert read_json(b'\xef\xbb\xbf["\\ud83d\\ude00", "[[[["]', strict=True) == ["\U0001f600", "[[[["]
    assert read_json(json.dumps({"a": ["[{" * 1000, '\\"'] * 100}), strict=True)["a"][1] == '\\"'
    with pytest.raises(BadData, match="not a JSON object"):
        read_json_object("[]")


def test_a_card_with_nan_is_refused_and_a_stored_one_is_null() -> None:
    card = (
        "---\nmodel-index:\n- name: m\n  results:\n  - task: {type: t}\n    metrics: [{type: loss, value: .nan}]\n---\n"
    )
    errors, _ = check_card(card, "model")
    assert "line 5: .nan is not a finite number: write null, or leave it out" in errors[0]
    assert parse_card(card.encode())["model-index"][0]["results"][0]["metrics"] == [{"type": "loss", "value": None}]


STORED = (
    "README.md",
    "config.json",
    "adapter_config.json",
    "tokenizer_config.json",
    "model.safetensors",
    "x.jsonl",
    "a.json",
)


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 100_000,
        b"---\na: " + b"[" * 30_000 + b"\n---\n",
        b"---\na: .nan\n2026-01-01: 1\n---\n",
        b'{"architectures": 5, "quantization_config": NaN}',
        b'{"architectures": ["\\ud800"], "model_type": {"a": 1e999}}',
        b"\x02\0\0\0\0\0\0\0[]",
        b"\x0d\0\0\0\0\0\0\0" + b'{"a":{"b":5}}',
        b"\xff" * 20,
        "{}".encode("utf-16"),
        b"9" * 5000,
    ],
    ids=range(10),
)
def test_no_stored_file_breaks_a_page_or_a_list(tmp_path: Path, content: bytes) -> None:
    """Files that an older version stored without a check."""
    world = World(tmp_path)
    for kind in ("model", "dataset"):
        world.repo(kind, "ada/odd", dict.fromkeys(STORED, content))
    for address in (
        *(f"/ada/odd/blob/main/{name}" for name in STORED),
        "/ada/odd/blob/main/x.jsonl?plain=1",
        "/",
        "/ada/odd",
        "/datasets/ada/odd",
        "/api/models",
        "/api/models?full=1&cardData=1&config=1",
        "/api/models/ada/odd",
        "/api/datasets/ada/odd",
        "/api/models-tags-by-type",
        "/api/models/ada/odd?expand=safetensors&expand=transformersInfo&expand=baseModels&expand=widgetData",
    ):
        answer = world.anonymous.get(address)
        assert answer.status_code == 200, (address, answer.text)
        if address.startswith("/api"):
            json.loads(answer.text, parse_constant=pytest.fail)


def test_the_pages_show_why_a_card_cannot_be_read(tmp_path: Path) -> None:
    world = World(tmp_path)
    put(world.repo("model", "ada/odd", {}), {"README.md": "---\na: " + "[" * 30_000 + "\n---\n# Here"})
    assert "nested more than 64 deep" in text_of(world.get("/ada/odd")) and "Here" in world.get("/ada/odd")


def test_nothing_else_in_the_hub_reads_json_or_yaml() -> None:
    """Other modules may write JSON (`json.dumps`, `json.dump`). `bounded` unpickles data of its own processes."""
    package = Path(local_hub.__file__).parent
    readers = set()
    for file in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Import(names=names):
                    used = {alias.name for alias in names} & {"yaml", "pickle", "marshal", "tomllib", "orjson", "ujson"}
                case ast.ImportFrom(module="json" | "yaml", names=names):
                    used = {alias.name for alias in names} - {"dumps"}
                case ast.Attribute(value=ast.Name(id="json"), attr=name):
                    used = {name} - {"dumps", "dump"}
                case _:
                    continue
            if used:
                readers.add(file.relative_to(package).as_posix())
    assert readers - {"untrusted/bounded.py"} == {"untrusted/data.py", "untrusted/yaml_reader.py"}


HEADERS = {"Authorization": f"Bearer {WRITE_TOKEN}"}
BAD_CARDS = {
    "deep": "---\na: " + "[" * 30_000 + "\n---\n",
    "nan": "---\na: .nan\n---\n",
    "twice": "---\na: 1\na: 2\n---\n",
    "tag": "---\na: !!python/name:x\n---\n",
    "bomb": "---\n" + "\n".join(BOMBS["merges"]) + "\n---\n",
    "digits": "---\na: " + "9" * 5000 + "\n---\n",
    "list": "---\n- a\n---\n",
}


def _commit(world: World, *lines: dict, query: str = "") -> int:
    body = "\n".join(map(json.dumps, [{"key": "header", "value": {"summary": "s"}}, *lines]))
    return world.anonymous.post(f"/api/models/ada/net/commit/main{query}", content=body, headers=HEADERS).status_code


@pytest.mark.parametrize("name", BAD_CARDS)
def test_every_way_in_refuses_a_bad_card(tmp_path: Path, name: str) -> None:
    card = BAD_CARDS[name]
    world = World(tmp_path)
    repo = world.repo("model", "ada/net", {"x.md": card, "README.md": "---\ntags: [a]\n---\n"})
    head, large = repo.head(), repo.lfs.store(card.encode())
    file = {"key": "file", "value": {"path": "README.md", "content": card, "encoding": "utf-8"}}
    copy = {"key": "copyFile", "value": {"path": "README.md", "srcPath": "x.md"}}
    lfs = {"key": "lfsFile", "value": {"path": "README.md", "oid": large.sha256, "size": large.size}}
    pointer = {"key": "file", "value": {"path": "README.md", "content": large.content().decode()}}
    twice = ({"key": "deletedFile", "value": {"path": "README.md"}}, copy)
    for lines in ([file], [copy], [lfs], [pointer], twice, [copy | {"value": copy["value"] | {"srcRevision": head}}]):
        assert _commit(world, *lines) == 400
        assert _commit(world, *lines, query="?create_pr=1") == 400
    assert repo.head() == head and not repo.refs.under("refs/pr/")
    body = {"name": "made", "files": [{"path": "README.md", "content": card}]}
    assert world.anonymous.post("/api/repos/create", json=body, headers=HEADERS).status_code == 400
    validation = world.anonymous.post("/api/validate-yaml", json={"content": card, "repoType": "model"})
    assert validation.status_code == 400 and validation.json()["errors"]
    assert _commit(world, {"key": "file", "value": {"path": "other.md", "content": card}}) == 200  # it is no card there

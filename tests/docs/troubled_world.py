"""A Hub, files and repos that cause errors, and the command that causes each error."""

import gzip
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock

from tests.tiny_world import row, save_base
from titlecraft.prompt import PromptFormat
from titlecraft.settings import Prompt

ACCOUNTS = {
    "users": {"me": {"orgs": {"readers": "read"}}, "meta": {}},
    "orgs": {"readers": {}},
    "tokens": {
        "hf_mine": {"user": "me", "role": "write", "name": "laptop"},
        "hf_reader": {"user": "me", "role": "read", "name": "reader"},
        "hf_meta": {"user": "meta", "role": "write", "name": "meta"},
    },
}
ROWS = "".join(
    json.dumps({"uid": f"B{n:09d}", "title": f"Kettle {n}", "content": f"Kettle {n} boils water for tea, quickly."})
    + "\n"
    for n in range(40)
)
TRAIN = ["train", "--dataset", "me/data", "--repo", "me/adapter"]
PLAN = [*TRAIN, "--dry-run"]
SWEEP = ["sweep", *TRAIN[1:], "--base.repo=me/base", "--training.backend=trl"]


def write_files(folder: Path) -> None:
    """Write catalogues and a recipe, each with one fault; `rows.json` has none."""
    (folder / "rows.json").write_text(ROWS)
    compressed = gzip.compress(ROWS.encode())
    (folder / "cut.json.gz").write_bytes(compressed[: len(compressed) - 20])
    (folder / "plain.json.gz").write_text(ROWS)
    (folder / "other.json").write_text('{"name": "Kettle", "text": "A kettle that boils water."}\n' * 3)
    (folder / "wide.json").write_text(ROWS, encoding="utf-16")
    (folder / "page.json").write_text("<!DOCTYPE html>\n<html><body>not found</body></html>\n")
    (folder / "wrapped.json").write_text(
        json.dumps({"products": [{"title": "Kettle", "content": "It boils water."}] * 3})
    )
    (folder / "lossy.json").write_text(ROWS.partition("\n")[0] + '\n{"title": "Kettle", "content": ["A list", 1]}\n')
    (folder / "short.json").write_text(
        '{"uid": "0000031909", "title": "Girls Ballet Tutu", "content": "High quality.", "target_ind": [0]}\n' * 2
    )
    (folder / "chosen.yaml").write_text("lora:\n  r: 4\nchosen:\n  among: 12\n")
    (folder / "typo.yaml").write_text("lora:\n  r: 4\n  alhpa: 8\n")


def publish_repos(folder: Path, address: str) -> None:
    """Publish a base, a dataset, two broken datasets, somebody else's Llama, a gated repo, and a repo without a model."""
    from huggingface_hub import HfApi

    mine, meta = HfApi(endpoint=address, token="hf_mine"), HfApi(endpoint=address, token="hf_meta")
    base, data, card = folder / "base", folder / "data", "---\nlicense: {}\n---\n"
    save_base(base)
    data.mkdir()
    rows = [row(number) for number in range(40)]
    (data / "prompt.json").write_bytes(PromptFormat.from_settings(Prompt()).to_json())
    pq.write_table(pa.Table.from_pylist(rows), data / "train-00000-of-00001.parquet")
    lacking = folder / "lacking"
    lacking.mkdir()
    (lacking / "prompt.json").write_bytes((data / "prompt.json").read_bytes())
    pq.write_table(pa.Table.from_pylist(rows).drop_columns(["output"]), lacking / "train-00000-of-00001.parquet")
    unsplit = folder / "unsplit"
    unsplit.mkdir()
    (unsplit / "prompt.json").write_bytes((data / "prompt.json").read_bytes())
    (unsplit / "train-00000-of-00001.parquet").write_bytes(b"PAR1, and no table")
    for name in ("data", "lacking", "unsplit"):
        mine.create_repo(f"me/{name}", repo_type="dataset")
        mine.upload_folder(repo_id=f"me/{name}", folder_path=folder / name, repo_type="dataset")
    for name, licence in (("base", "mit"), ("Llama-3-base", "llama3")):
        (base / "README.md").write_text(card.format(licence))
        mine.create_repo(f"me/{name}")
        mine.upload_folder(repo_id=f"me/{name}", folder_path=base)
    for api, name in ((mine, "me/no-model"), (meta, "meta/gated")):
        api.create_repo(name)
        api.upload_file(repo_id=name, path_or_fileobj=b'{"model_type": "no such type"}', path_in_repo="config.json")
    mine.create_repo("me/empty", repo_type="dataset")
    meta.update_repo_settings("meta/gated", gated="manual")


def build(source: str, repo: str = "me/built", *options: str) -> list[str]:
    return ["build", source, "--repo", repo, "--workers", "1", *options]


def mistakes(folder: Path, taken_port: int) -> dict[str, list[str]]:
    """Name of the entry in troubleshooting.toml -> the command that causes its error."""
    at = lambda name: str(folder / name)  # noqa: E731
    return {
        "source_missing": build(at("nowhere.json.gz")),
        "source_cut": build(at("cut.json.gz")),
        "source_short": build(at("short.json")),
        "source_not_gzip": build(at("plain.json.gz")),
        "source_other_format": build(at("page.json")),
        "source_encoding": build(at("wide.json")),
        "source_wrapped": build(at("wrapped.json")),
        "source_losses": build(at("lossy.json")),
        "source_other_columns": build(at("other.json")),
        "source_all_held_out": build(at("rows.json"), "me/built", "--data.test_share=0.99", "--data.validation_share=0.005"),
        "token_missing": build(at("rows.json")),
        "token_refused": build(at("rows.json")),
        "token_reads_only": build(at("rows.json")),
        "not_your_namespace": build(at("rows.json"), "meta/built"),
        "no_write_right": build(at("rows.json"), "readers/built"),
        "repo_not_found": ["train", "--dataset", "me/dtaa", "--repo", "me/adapter"],
        "other_kind_of_repo": ["train", "--dataset", "me/base", "--repo", "me/adapter"],
        "revision_not_found": ["train", "--dataset", "me/data@v9", "--repo", "me/adapter"],
        "not_a_repo": ["evaluate", "--adapter", "adapter"],
        "somebody_elses_files": [*TRAIN[:-1], "me/no-model", "--base.repo=me/base"],
        "in_progress": build(at("rows.json"), "me/locked"),
        "no_prompt": ["train", "--dataset", "me/empty", "--repo", "me/adapter", "--base.repo=me/base", "--training.backend=trl"],
        "not_an_adapter": ["evaluate", "--adapter", "me/base"],
        "llama_name": [*TRAIN, "--base.repo=me/Llama-3-base"],
        "resume_and_fresh": [*TRAIN, "--resume", "--fresh"],
        "unknown_recipe": [*TRAIN, "--recipe", "enormous"],
        "unknown_key": [*TRAIN, "--recipe", at("typo.yaml")],
        "sweep_one_recipe": SWEEP,
        "sweep_other_data": [*SWEEP, "--sweep", "data.limit=10,20"],
        "sweep_other_base": [*SWEEP, "--sweep", "base.repo=me/base,me/other"],
        "sweep_seed": [*SWEEP, "--sweep", "training.seed=1,2"],
        "sweep_no_choice": [*SWEEP, "--sweep", "training.packing=true,false"],
        "sweep_one_value": [*SWEEP, "--sweep", "lora.r=4,8", "--lora.r=16"],
        "sweep_backend": ["sweep", *TRAIN[1:], "--sweep", "lora.r=4,8"],
        "sweep_validation": [*SWEEP, "--sweep", "lora.r=4,8"],
        "chosen_section": [*TRAIN, "--recipe", at("chosen.yaml")],
        "port_in_use": ["hub", "serve", "--root", at("another"), "--port", str(taken_port)],
        "unsloth_packing": [*TRAIN, "--base.repo=me/base", "--training.packing=true"],
        "unsloth_without_gpu": [*TRAIN, "--base.repo=me/base"],
        "gated": [*PLAN, "--base.repo=meta/gated"],
        "model_does_not_load": [*PLAN, "--base.repo=me/no-model"],
        "nothing_asked": ["ask", "   ", "--adapter", "me/adapter"],
        "text_too_long": ["ask", "kettle " * 400, "--adapter", "me/adapter"],
        "no_lora_targets": [*PLAN, "--base.repo=me/base", '--lora.target_modules=["c_attn"]'],
        "no_train_split": ["train", "--dataset", "me/unsplit", "--repo", "me/adapter", "--dry-run", "--base.repo=me/base"],
        "train_columns": ["train", "--dataset", "me/lacking", "--repo", "me/adapter", "--dry-run", "--base.repo=me/base"],
    }  # fmt: skip


TOKENS = {"token_missing": "", "token_refused": "hf_nonsense", "token_reads_only": "hf_reader"}


@contextmanager
def locked(home: Path, kind: str, repo: str) -> Iterator[None]:
    """Hold the lock of the repo, as a publishing process does."""
    folder = home / "titlecraft" / "locks"
    folder.mkdir(parents=True)
    with FileLock(folder / f"{kind}--{repo.replace('/', '--')}.lock"):
        yield


@contextmanager
def busy_hub() -> Iterator[str]:
    """The address of a Hub that answers every request with 429."""

    class Busy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(429, "Too Many Requests")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_GET

        def log_message(self, *args: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Busy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@contextmanager
def taken_port() -> Iterator[int]:
    """A port in use."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]

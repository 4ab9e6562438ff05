"""Malformed files that may crash a parser or take long to read: name -> change. One line per file."""

import json
import struct

from benchmarks.tampering.forgeries.changes import Change, append_to_front_matter, edit_card, edit_json, write_file

ADAPTER: dict[str, Change] = {
    "hostile: a card of 10 MB": edit_card(lambda text: text + "word " * 2_000_000),
    "hostile: a card of brackets": edit_card(lambda text: text + "[" * 45_000),
    "hostile: a card in Latin-1": write_file("README.md", "---\nlicense: mit\n---\nGr\xf6\xdfe".encode("latin-1")),
    "hostile: deep YAML": append_to_front_matter("mine: " + "[" * 20_000 + "]" * 20_000),
    "hostile: aliases": append_to_front_matter("\n".join(["a0: &a0 [x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30))])),
    "hostile: a huge number in YAML": append_to_front_matter("mine: " + "9" * 20_000),
    "hostile: a huge number in a record": lambda folder: write_file("training_record.json", (folder / "training_record.json").read_text().replace('"steps": ', '"steps": ' + "9" * 9_000, 1))(folder),
    "hostile: deep JSON": write_file("adapter_config.json", "[" * 200_000),
    "hostile: a broken table": lambda folder: write_file(next(folder.glob("evaluation/*/predictions.parquet")).relative_to(folder).as_posix(), b"PAR1 no PAR1")(folder),
    "hostile: a header of weights": write_file("adapter_model.safetensors", struct.pack("<Q", 1 << 62) + b"{}"),
    "hostile: no card": lambda folder: (folder / "README.md").unlink(),
    "hostile: an empty card": write_file("README.md", ""),
    "hostile: no record": write_file("training_record.json", "{}"),
    "hostile: an empty log": write_file("training_log.jsonl", ""),
    "hostile: sums of nothing": write_file("SHA256SUMS", "../../etc/passwd\n"),
    "hostile: sums of a file elsewhere": lambda folder: write_file("SHA256SUMS", (folder / "SHA256SUMS").read_text() + "0" * 64 + "  ../../../etc/passwd\n")(folder),
}  # fmt: skip
DATASET: dict[str, Change] = {
    "hostile data: a broken shard": lambda folder: write_file(next(folder.glob("data/train-*")).relative_to(folder).as_posix(), b"PAR1 no PAR1")(folder),
    "hostile data: deep lineage": write_file("lineage.json", '{"adapters": ' + "[" * 200_000),
    "hostile data: a lineage of nowhere": write_file("lineage.json", json.dumps({"adapters": [{"adapter": {"type": "model", "repo": "x/y", "revision": "0" * 40}, "dataset": {"type": "dataset", "repo": "x/y", "revision": "0" * 40}, "base": {"type": "model", "repo": "x/y", "revision": "0" * 40}, "reports": []}], "schema": "titlecraft/lineage/1"})),
    "hostile data: a quarantine that is none": write_file("quarantine/lines.jsonl", "\xff[\n" * 9),
    "hostile data: shards elsewhere": edit_json("dataset_record.json", lambda found: found["splits"]["test"]["files"][0].update(path="../../../../etc/passwd")),
    "hostile data: an empty record": write_file("dataset_record.json", ""),
}  # fmt: skip

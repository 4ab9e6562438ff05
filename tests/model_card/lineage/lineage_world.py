"""Publish adapters of a dataset that `titlecraft build` published, with literal records. No model is loaded.

Each step of test_lineage.py is one command:

python -m tests.model_card.lineage.lineage_world adapter|report|edit|private|elsewhere|third_party|export|announce …
"""

import sys
import tempfile
from pathlib import Path

import msgspec
from huggingface_hub import HfApi, hf_hub_download

from tests import present
from tests.model_card.card_world import upload
from tests.model_card.literal_evaluation import evaluation_record
from tests.model_card.literal_records import training_record
from titlecraft.hub.data_revision import pin_data
from titlecraft.hub.pins import published_pin
from titlecraft.records import Pin, RepoType

BASE, DATASET, ADAPTER = "titlecraft/base", "titlecraft/products", "titlecraft/lamps"
CARD = "---\ndatasets: [titlecraft/products]\n---\n"


def put(repo: str, kind: RepoType, files: dict[str, bytes]) -> Pin:
    with tempfile.TemporaryDirectory() as folder:
        return upload(repo, kind, files, Path(folder))


def put_adapter(repo: str = ADAPTER, dataset: Pin | None = None) -> Pin:
    """Publish an adapter with a training record that names base and dataset."""
    base = put(BASE, "model", {"README.md": b"---\nlicense: mit\n---\n"})
    training = msgspec.structs.replace(training_record("other"), base=base, dataset=dataset or pin_data(DATASET))
    return put(repo, "model", {"training_record.json": training.to_json(), "README.md": CARD.encode()})


def put_report(id: str, n: int) -> Pin:
    """Publish a report of the adapter at its head."""
    adapter = published_pin(ADAPTER, "model")
    record = evaluation_record()
    measures = [msgspec.structs.replace(measure, n=n) for measure in record.measures]
    report = msgspec.structs.replace(record, id=id, n=n, adapter=adapter, measures=measures)
    return put(ADAPTER, "model", {f"evaluation/{id}/report.json": report.to_json()})


def edit_card() -> None:
    """Edit the dataset's card as a user would: add text, a tag, a config and a licence."""
    text = Path(hf_hub_download(DATASET, "README.md", repo_type="dataset")).read_text()
    text = text.replace("license: unknown", "license: mit\nlicense_link: https://example.org").replace(
        "- titlecraft\n", "- titlecraft\n- lamps\n- license:apache-2.0\n"
    )
    extra = "- config_name: extra\n  data_files: extra.csv\n"
    text = text.replace("dataset_info:\n", f"{extra}mine: 7\ndataset_info:\n", 1)
    text = text.replace("<!-- /titlecraft:limits -->\n", "<!-- /titlecraft:limits -->\n\nAsk Ada about the lamps.\n")
    put(DATASET, "dataset", {"README.md": text.encode()})


def announce(repo: str = ADAPTER) -> None:
    """Announce the adapter, as `titlecraft train` and `titlecraft evaluate` do after publishing."""
    from model_card.lineage.announce import announce

    announce(present(published_pin(repo, "model")), collection=True)


def main(step: str, *rest: str) -> None:
    if step == "adapter":
        put_adapter()
    elif step == "report":
        put_report(rest[0], int(rest[1]))
    elif step == "edit":
        edit_card()
    elif step == "private":
        put_adapter("titlecraft/secret")
        HfApi().update_repo_settings("titlecraft/secret", private=True)
    elif step == "elsewhere":
        put_adapter("titlecraft/other", Pin(type="dataset", repo="somebody/texts", revision="5" * 40))
    elif step == "third_party":
        put("titlecraft/theirs", "model", {"README.md": CARD.encode()})
    elif step == "export":
        export = {
            "schema": "titlecraft/export/1",
            "form": "merged",
            "adapter": msgspec.to_builtins(published_pin(ADAPTER, "model")),
        }
        put(
            f"{ADAPTER}-merged",
            "model",
            {"README.md": CARD.encode(), "export_record.json": msgspec.json.encode(export)},
        )
    elif step == "announce":
        announce(*rest)


if __name__ == "__main__":
    main(*sys.argv[1:])

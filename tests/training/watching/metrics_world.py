"""Publishes a run that trackio kept, and renders the card of its adapter, on the Hub of the environment; prints JSON."""

import json
import sys
from pathlib import Path

import msgspec
import trackio  # pyright: ignore[reportMissingImports]
from huggingface_hub import HfApi

from model_card.metadata import metrics_tags
from tests.model_card.literal_records import training_record
from training.watching.published import publish_metrics
from training.watching.watch import trackio_project

REPO = "titlecraft/lamps"


def main(folder: Path) -> dict[str, object]:
    """A run that is published, beside one that is not."""
    for published in (True, False):
        trackio.init(project=trackio_project(REPO, published), name=f"run {published}", embed=False, auto_log_cpu=False)
        trackio.log({"train/loss": 2.5 if published else 9.5}, step=1)
        trackio.finish()
    space = publish_metrics("trackio", REPO, "run", folder)
    again = publish_metrics("trackio", REPO, "run", folder)
    api = HfApi()
    data = api.hf_hub_download(f"{REPO}-metrics-data", "metrics.parquet", repo_type="dataset")
    import pyarrow.parquet as pq

    config = Path(api.hf_hub_download(str(space), "config.json", repo_type="space")).read_text()
    record = msgspec.structs.replace(training_record("other"), metrics=space)
    results: dict[str, object] = {
        "space": space,
        "again": again,
        "rows": pq.read_table(data).to_pylist(),
        "config": json.loads(config),
    }
    results |= {
        "page": "index.html" in api.list_repo_files(str(space), repo_type="space"),
        "tags": metrics_tags(record),
    }
    return results | {
        "sdk": api.space_info(str(space)).sdk,
        "refused": publish_metrics("trackio", "nobody/lamps", "run", folder),
    }


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1])), default=str))

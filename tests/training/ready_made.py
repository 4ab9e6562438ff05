"""python -m tests.training.ready_made FOLDER: publish a base in full precision and in 4 bit, load both, compare."""

import json
import sys
from pathlib import Path
from typing import Any

from tests.evaluation.published_world import upload
from tests.tiny_world import save_base
from titlecraft.models.adapter.probe import probe_logits
from titlecraft.models.base.model import load_base


def compare(folder: Path) -> dict[str, Any]:
    """How each base was loaded, and whether their logits are equal."""
    save_base(folder / "full")
    full = load_base(upload(folder / "full", "titlecraft/full", "model"), "nf4", "float32")
    full.model.save_pretrained(folder / "ready")
    full.tokenizer.save_pretrained(folder / "ready")
    config = json.loads((folder / "ready" / "config.json").read_bytes())
    config["quantization_config"]["bnb_4bit_compute_dtype"] = "bfloat16"  # as such bases usually have it
    (folder / "ready" / "config.json").write_text(json.dumps(config))
    ready = load_base(upload(folder / "ready", "titlecraft/ready-bnb-4bit", "model"), "nf4", "float32")
    layer = ready.model.model.layers[0].self_attn.q_proj
    apart = (probe_logits(full.model, [0, 5, 6, 7]) - probe_logits(ready.model, [0, 5, 6, 7])).abs().max()
    return {"loaded": [full.quantization, ready.quantization], "layer": type(layer).__name__, "apart": float(apart)}


if __name__ == "__main__":
    print(json.dumps(compare(Path(sys.argv[1]))))

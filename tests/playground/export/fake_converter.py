"""Stands in for llama.cpp's convert_hf_to_gguf.py, which cannot run in CI: a GGUF header for the tensors of the model.

FAKE_CONVERTER=fails ends it as the real one ends for a tokenizer that it does not know. FAKE_CONVERTER=NAMESPACE/NAME publishes
something else to that repo meanwhile.
"""

import argparse
import json
import os
import struct
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("model", type=Path)
parser.add_argument("--outfile", type=Path, required=True)
parser.add_argument("--outtype", choices=["f32", "f16", "bf16", "q8_0"], required=True)
parser.add_argument("--model-name", required=True)
asked = parser.parse_args()
with (asked.model / "model.safetensors").open("rb") as stream:
    header = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
wish = os.environ.get("FAKE_CONVERTER", "")
if "/" in wish:
    from huggingface_hub import HfApi

    HfApi().create_repo(wish)
    HfApi().upload_file(repo_id=wish, path_in_repo="theirs.txt", path_or_fileobj=b"theirs")
if wish == "fails":
    raise NotImplementedError("BPE pre-tokenizer was not recognized - update get_vocab_base_pre()")
tensors = len([name for name in header if name != "__metadata__"])
asked.outfile.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, tensors, 0) + asked.outtype.encode())

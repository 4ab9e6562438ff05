"""A stand-in for llama.cpp's convert_hf_to_gguf.py, which cannot run in CI: it writes a GGUF header with the tensor count.

FAKE_CONVERTER=fails raises the error that the real script raises for an unknown tokenizer. FAKE_CONVERTER=NAMESPACE/NAME
publishes another file to that repo during the conversion.
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
options = parser.parse_args()
with (options.model / "model.safetensors").open("rb") as stream:
    header = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
behaviour = os.environ.get("FAKE_CONVERTER", "")
if "/" in behaviour:
    from huggingface_hub import HfApi

    HfApi().create_repo(behaviour)
    HfApi().upload_file(repo_id=behaviour, path_in_repo="theirs.txt", path_or_fileobj=b"theirs")
if behaviour == "fails":
    raise NotImplementedError("BPE pre-tokenizer was not recognized - update get_vocab_base_pre()")
tensors = len([name for name in header if name != "__metadata__"])
add_bos = b"tokenizer.ggml.add_bos_token"
fact = struct.pack("<Q", len(add_bos)) + add_bos + struct.pack("<I?", 7, False)
options.outfile.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, tensors, 1) + fact + options.outtype.encode())

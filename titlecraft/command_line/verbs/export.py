"""titlecraft export --adapter NS/NAME[@REV] --to merged|gguf [--repo NS/NAME | --out DIR] [--quantize q8_0] [--public]"""

from pathlib import Path

from titlecraft.command_line.verb_parser import VerbParser
from titlecraft.errors import UserError


def main(arguments: list[str]) -> None:
    """An adapter as a model of its own: merged into its base, or one GGUF file."""
    parser = VerbParser(
        prog="titlecraft export",
        description="Leave with it: merge an adapter into the base that it was trained on, in full precision, measure what "
        "that changed, and publish the model in a repo of its own.",
    )  # fmt: skip
    parser.add_argument("--adapter", required=True, help="adapter repo: NAMESPACE/NAME or NAMESPACE/NAME@REVISION")
    parser.add_argument(
        "--to", required=True, choices=["merged", "gguf"],
        help="merged: a plain transformers model, for vLLM and the like; gguf: one file for llama.cpp, Ollama and the like, "
        "by llama.cpp's converter",
    )  # fmt: skip
    parser.add_argument("--repo", help="model repo to publish to (default: the adapter's name with -merged or -gguf)")
    parser.add_argument("--out", help="write to this folder, and publish nothing")
    parser.add_argument(
        "--quantize", metavar="TYPE",
        help="type of the weights in a GGUF file: f32, f16, bf16, q8_0, or with llama-quantize q4_k_m and others "
        "(default: q8_0); a repo holds one",
    )  # fmt: skip
    parser.add_argument("--llama-cpp", metavar="DIR", help="folder of llama.cpp (default: LLAMA_CPP, else the PATH)")
    parser.add_argument(
        "--titles", type=int, default=64, help="held-out titles on which the merge is checked (default: 64)"
    )
    parser.add_argument("--seed", type=int, default=7, help="draws them (default: 7)")
    parser.add_argument("--public", action="store_true", help="make a new repo public (default: private)")
    parser.add_argument("--fresh", action="store_true", help="make it anew, whatever is there")
    asked = parser.parse_args(arguments)
    if asked.repo and asked.out:
        raise UserError("export: expected --repo to publish, or --out to keep it in a folder, not both")
    if asked.quantize and asked.to == "merged":
        raise UserError(
            "--quantize is for --to gguf: a merged model keeps the type that it was trained in, and is never merged into 4 bit"
        )
    if asked.titles < 1:
        raise UserError(f"--titles {asked.titles}: expected at least 1")

    from playground.export.run import ExportOptions, describe, export, export_to_folder
    from titlecraft.hub.pins import address

    kind = (asked.quantize or "q8_0").lower() if asked.to == "gguf" else None
    options = ExportOptions(asked.to, kind, asked.titles, asked.seed, asked.llama_cpp, asked.fresh)
    if asked.out:
        record = export_to_folder(asked.adapter, options, Path(asked.out))
        where = asked.out
    else:
        published, record = export(asked.adapter, options, asked.repo, private=not asked.public)
        where = f"{published}\n{address(published)}"
    check = record.check
    print(
        f"{describe(record)}: NLL {check.nll_adapter:.4f} with the adapter on the base, {check.nll_merged:.4f} merged "
        f"({check.difference:+.2g} nats per token, {check.titles} titles; the base alone {check.nll_base:.4f})\n{where}"
    )

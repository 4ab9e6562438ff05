"""titlecraft export --adapter NS/NAME[@REV] --to merged|gguf [--repo NS/NAME | --out DIR] [--quantize q8_0] [--public]"""

from pathlib import Path

from titlecraft.command_line.verb_parser import VerbParser
from titlecraft.errors import UserError


def main(arguments: list[str]) -> None:
    """Export an adapter as a standalone model: merged into its base, or one GGUF file."""
    parser = VerbParser(
        prog="titlecraft export",
        description="Merge an adapter into its base model in full precision, measure the effect of merging, and publish the "
        "model in its own repo.",
    )
    parser.add_argument("--adapter", required=True, help="adapter repo: NAMESPACE/NAME or NAMESPACE/NAME@REVISION")
    parser.add_argument(
        "--to",
        required=True,
        choices=["merged", "gguf"],
        help="merged: a transformers model, e.g. for vLLM; gguf: one file, e.g. for llama.cpp and Ollama, made "
        "by llama.cpp's converter",
    )
    parser.add_argument("--repo", help="model repo to publish to (default: the adapter's name with -merged or -gguf)")
    parser.add_argument("--out", help="write to this folder and publish nothing")
    parser.add_argument(
        "--quantize",
        metavar="TYPE",
        help="type of the weights in a GGUF file: f32, f16, bf16, q8_0, or with llama-quantize q4_k_m and others "
        "(default: q8_0); a repo holds one type",
    )
    parser.add_argument("--llama-cpp", metavar="DIR", help="folder of llama.cpp (default: LLAMA_CPP, else the PATH)")
    parser.add_argument(
        "--titles", type=int, default=64, help="number of held-out titles to check the merge on (default: 64)"
    )
    parser.add_argument("--seed", type=int, default=7, help="seed of the draw of these titles (default: 7)")
    parser.add_argument("--public", action="store_true", help="make a new repo public (default: private)")
    parser.add_argument(
        "--fresh", action="store_true", help="export and publish even if the same was published already"
    )
    options = parser.parse_args(arguments)
    if options.repo and options.out:
        raise UserError("export: expected --repo to publish, or --out to keep it in a folder, not both")
    if options.quantize and options.to == "merged":
        raise UserError(
            "--quantize is for --to gguf: a merged model keeps the type that it was trained in, and is never merged into 4 bit"
        )
    if options.titles < 1:
        raise UserError(f"--titles {options.titles}: expected at least 1")

    from playground.export.run import ExportOptions, describe, export, export_to_folder
    from titlecraft.command_line.page_link import page_link

    kind = (options.quantize or "q8_0").lower() if options.to == "gguf" else None
    export_options = ExportOptions(options.to, kind, options.titles, options.seed, options.llama_cpp, options.fresh)
    if options.out:
        record = export_to_folder(options.adapter, export_options, Path(options.out))
        target = options.out
    else:
        published, record = export(options.adapter, export_options, options.repo, private=not options.public)
        target = f"{published}\n{page_link(published)}"
    check = record.check
    print(
        f"{describe(record)}: NLL {check.nll_adapter:.4f} with the adapter on the base, {check.nll_merged:.4f} merged "
        f"({check.difference:+.2g} nats per token, {check.titles} titles; the base alone {check.nll_base:.4f})\n{target}"
    )

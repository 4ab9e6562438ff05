"""titlecraft export --adapter NS/NAME[@REV] --to merged|gguf|gguf-adapter [--repo NS/NAME | --out DIR] [--quantize q4_k_m,q8_0]"""

from pathlib import Path

from titlecraft.command_line.third_party_options import add_stated, stated_of
from titlecraft.command_line.verb_parser import VerbParser
from titlecraft.errors import UserError


def main(arguments: list[str]) -> None:
    """Export an adapter as a standalone model, merged or GGUF, or alone as GGUF."""
    parser = VerbParser(
        prog="titlecraft export",
        description="Merge an adapter into its base model in full precision, measure the effect of merging, and publish the "
        "model in its own repo.",
    )
    parser.add_argument("--adapter", required=True, help="adapter repo: NAMESPACE/NAME or NAMESPACE/NAME@REVISION")
    parser.add_argument(
        "--to",
        required=True,
        choices=["merged", "gguf", "gguf-adapter"],
        help="merged: a transformers model, e.g. for vLLM; gguf: files for llama.cpp and Ollama, made by llama.cpp's converter; "
        "gguf-adapter: the adapter alone, for llama-server --lora beside a GGUF of the base",
    )
    parser.add_argument(
        "--repo", help="model repo to publish to (default: the adapter's name with -merged, -gguf or -gguf-adapter)"
    )
    parser.add_argument("--out", help="write to this folder and publish nothing")
    parser.add_argument(
        "--quantize",
        metavar="TYPES",
        help="types of the weights in GGUF files, separated by commas: f32, f16, bf16, q8_0, or with llama-quantize q4_k_m and "
        "others (default: q8_0); one file each",
    )
    parser.add_argument(
        "--importance-rows",
        type=int,
        default=0,
        metavar="N",
        help="quantise with an importance matrix from N rows of the training split, by llama-imatrix (default: 0, none)",
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
    add_stated(parser)
    options = parser.parse_args(arguments)
    if options.repo and options.out:
        raise UserError("export: expected --repo to publish, or --out to keep it in a folder, not both")
    if options.quantize and options.to != "gguf":
        raise UserError(
            "--quantize is for --to gguf: a merged model keeps the type that it was trained in, and is never merged into 4 bit"
        )
    if options.titles < 1:
        raise UserError(f"--titles {options.titles}: expected at least 1")

    from msgspec import UNSET

    from playground.export.options import ADAPTER_TYPE, DEFAULT_TYPE, QUANTISED, ExportOptions, types_of
    from playground.export.run import describe, export, export_to_folder
    from titlecraft.command_line.page_link import page_link

    types = {
        "merged": (),
        "gguf": types_of(options.quantize or DEFAULT_TYPE),
        "gguf-adapter": (ADAPTER_TYPE,),
    }[options.to]
    if options.importance_rows < 0 or (options.importance_rows and not set(types) & set(QUANTISED)):
        raise UserError(
            f"--importance-rows {options.importance_rows}: expected a number of rows, and a --quantize that uses an importance "
            f"matrix ({', '.join(QUANTISED)})"
        )
    export_options = ExportOptions(
        options.to,
        types,
        options.titles,
        options.seed,
        options.llama_cpp,
        options.fresh,
        options.importance_rows,
    )
    stated = stated_of(options)
    if options.out:
        record = export_to_folder(options.adapter, export_options, Path(options.out), stated)
        target = options.out
    else:
        published, record = export(
            options.adapter, export_options, options.repo, private=not options.public, stated=stated
        )
        target = f"{published}\n{page_link(published)}"
    check = record.check
    loss = check and (
        f": NLL {check.nll_adapter:.4f} with the adapter on the base, {check.nll_merged:.4f} merged "
        f"({check.difference:+.2g} nats per token, {check.titles} titles; the base alone {check.nll_base:.4f})"
    )
    by_file = [f"  {file.path}: NLL {file.nll:.4f} by llama.cpp" for file in record.gguf_files if file.nll is not None]
    known = [*record.third_party.facts(), record.third_party.unknown()] if record.third_party is not UNSET else []
    print("\n".join([*known, f"{describe(record)}{loss or ''}", *by_file, target]))

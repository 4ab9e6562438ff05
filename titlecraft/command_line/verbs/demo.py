"""titlecraft demo [--fresh]"""

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
    options = parser.parse_args(arguments)

    from titlecraft.command_line.demo.main_job import run_main_job

    run_main_job(local_root(), options.fresh)

"""titlecraft demo [--fresh]"""

from titlecraft.command_line.choose_hub import local_root
from titlecraft.command_line.verb_parser import VerbParser


def main(arguments: list[str]) -> None:
    """The whole job on the embedded Hub: no network, no token, no GPU."""
    parser = VerbParser(prog="titlecraft demo", description="All of it, small, on the embedded Hub under .demo/.")
    parser.add_argument(
        "--fresh", action="store_true", help="compute and publish everything again, on top of what is there"
    )
    asked = parser.parse_args(arguments)

    from titlecraft.command_line.demo.main_job import run_main_job

    run_main_job(local_root(), asked.fresh)

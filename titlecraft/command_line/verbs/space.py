"""titlecraft space --adapter NS/NAME[@REV] --repo NS/SPACE [--public]"""

from titlecraft.command_line.verb_parser import VerbParser


def main(arguments: list[str]) -> None:
    """Publish the page of `titlecraft play` for an adapter as a Gradio Space."""
    parser = VerbParser(
        prog="titlecraft space",
        description="The page of `titlecraft play` as a Gradio Space: app.py with its pins, the source that it imports, "
        "pinned requirements, and a card that suggests hardware. Needs titlecraft[play].",
    )
    parser.add_argument("--adapter", required=True, help="adapter repo: NAMESPACE/NAME or NAMESPACE/NAME@REVISION")
    parser.add_argument("--repo", required=True, help="Space to publish to: NAMESPACE/NAME")
    parser.add_argument("--public", action="store_true", help="make a new Space public (default: private)")
    parser.add_argument("--fresh", action="store_true", help="publish even if the same page was published already")
    options = parser.parse_args(arguments)

    from playground.space.publish import publish_space
    from titlecraft.command_line.page_link import page_link

    published, record = publish_space(options.adapter, options.repo, private=not options.public, fresh=options.fresh)
    hardware = record.hardware
    print(
        f"Space {published}: {len(record.files)} files\n"
        f"suggested hardware: {hardware.flavor} ({hardware.weights_gb} GB of weights; computed, not tried)\n{page_link(published)}"
    )

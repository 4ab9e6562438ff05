"""titlecraft recipes"""

from pathlib import Path

from titlecraft.command_line.recipe_options import recipe_files
from titlecraft.command_line.verb_parser import VerbParser


def main(arguments: list[str]) -> None:
    """Print each recipe with its purpose, and the folder of their files."""
    parser = VerbParser(
        prog="titlecraft recipes",
        description="List the recipes. A recipe is a YAML file with the settings that decide a result.",
        epilog="Take one with --recipe NAME, or copy its file and pass --recipe FILE.yaml.",
    )
    parser.parse_args(arguments)
    files = recipe_files()
    for name, file in files.items():
        print(f"{name:<18}{purpose(file)}")
    print(f"\nfiles: {next(iter(files.values())).parent}")


def purpose(file: Path) -> str:
    """Return the first sentence of a recipe's opening comment."""
    lines = []
    for line in file.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.lstrip("# ").strip())
    return " ".join(lines).partition(". ")[0].rstrip(".")

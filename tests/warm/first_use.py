"""What a process computes once, at the first use, and every fork would compute again: compiled templates, fonts, mappings."""

from io import BytesIO

from tests import ROOT


def use_once() -> None:
    """Compute it all, for the forks to find in memory. No torch operator runs: its threads do not survive a fork."""
    compile_templates()
    read_fonts()
    read_recipes()
    from transformers.conversion_mapping import get_checkpoint_conversion_mapping

    get_checkpoint_conversion_mapping("llama")


def compile_templates() -> None:
    """Compile the templates of cards, reports and documents."""
    from dataset_builder.card import write
    from evaluation.report.pages import page_environment
    from model_card import build
    from playground.export import card

    for environment in (page_environment(), write.environment(), build.environment(), card.environment()):
        for name in environment.list_templates(extensions=["jinja"]):
            environment.get_template(name)


def read_fonts() -> None:
    """Draw a plot with text in the weights that pictures have."""
    from matplotlib.figure import Figure

    figure = Figure(layout="constrained")
    axes = figure.subplots()
    axes.plot([1, 10], [0.1, 1], label="a")
    for weight in ("normal", "bold"):
        axes.set_title("a", weight=weight)
        figure.savefig(BytesIO())


def read_recipes() -> None:
    """Make the parsers of a recipe's sections."""
    from titlecraft.command_line.recipe_file import read_recipe

    read_recipe(ROOT / "recipes" / "tiny.yaml")

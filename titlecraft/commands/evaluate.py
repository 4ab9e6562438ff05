"""titlecraft evaluate --adapter NS/NAME[@REV] --recipe tiny"""

from dataclasses import replace

from titlecraft.arguments import StageParser


def main(arguments: list[str]) -> None:
    """Adapter repo -> before/after report beside it, and its card brought up to date."""
    stage = StageParser("evaluate", "Measure before and after on held-out titles.", ["evaluation", "generation"])
    stage.add("--adapter", type=str, required=True, help="adapter repo: NAMESPACE/NAME or NAMESPACE/NAME@REVISION")
    stage.add(
        "--also",
        action="append",
        default=[],
        help='a benchmark to add, such as "lighteval|arc:easy|0"; may be repeated',
    )
    stage.add("--fresh", action="store_true", help="evaluate all and publish, whatever is done already")
    recipe, asked = stage.parse(arguments)
    also = [*recipe.evaluation.also, *asked.also]
    recipe = replace(recipe, evaluation=replace(recipe.evaluation, also=also))

    from evaluation.report import print_table
    from evaluation.run import evaluate
    from model_card.build import write_card
    from titlecraft.hub import address

    published, record = evaluate(asked.adapter, recipe, fresh=asked.fresh, write_card=write_card)
    print_table(record)
    print(f"report in {published}\n{address(published, f'evaluation/{record.id}/report.html')}")

"""titlecraft train --dataset NS/NAME[@REV] --repo NS/NAME --recipe tiny"""

from titlecraft.arguments import StageParser


def main(arguments: list[str]) -> None:
    """Dataset + base -> adapter repo, with card and record."""
    stage = StageParser(
        "train", "Fine-tune a LoRA adapter on a published dataset.", ["base", "lora", "training", "generation"]
    )
    stage.add("--dataset", type=str, required=True, help="dataset repo: NAMESPACE/NAME or NAMESPACE/NAME@REVISION")
    stage.add("--repo", type=str, required=True, help="adapter repo to publish to: NAMESPACE/NAME")
    stage.add("--public", action="store_true", help="make a new repo public (default: private)")
    stage.add("--fresh", action="store_true", help="train and publish even if the same was published already")
    recipe, asked = stage.parse(arguments)

    from model_card.build import write_card
    from titlecraft.hub import address
    from training.run import train

    published, record = train(
        asked.dataset, asked.repo, recipe, private=not asked.public, fresh=asked.fresh, write_card=write_card
    )
    print(
        f"adapter {published}: {record.trainable_parameters:,} trained parameters, {record.examples.seen:,} examples seen"
    )
    print(address(published))

"""Python code that loads a repo."""

from typing import Any

from local_hub.pages.repo.card_facts import texts


def snippet(repo_type: str, repo_id: str, library: str | None, card: dict[str, Any]) -> str:
    """A code sample for the repo, with the library that its card or its files name."""
    if repo_type == "dataset":
        return f'from datasets import load_dataset\n\ndata = load_dataset("{repo_id}")\n'
    if repo_type == "model" and library == "peft":
        return (
            "from peft import AutoPeftModelForCausalLM\n\n"
            f'model = AutoPeftModelForCausalLM.from_pretrained("{repo_id}")\n'
        )
    if repo_type == "model" and library == "transformers":
        task = next(iter(texts(card.get("pipeline_tag"))), "text-generation")
        return f'from transformers import pipeline\n\nmodel = pipeline({task!r}, model="{repo_id}")\n'.replace("'", '"')
    kind = "" if repo_type == "model" else f', repo_type="{repo_type}"'
    return f'from huggingface_hub import snapshot_download\n\nfolder = snapshot_download("{repo_id}"{kind})\n'

"""What must hold before the first step and after the last one; each becomes a line of the record. A failure stops the run."""

from itertools import pairwise
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor

from titlecraft.errors import UserError
from titlecraft.models.adapter.probe import probe_adapter
from titlecraft.models.layers import decoder_of
from titlecraft.models.loss.answer_logits import own_logits
from titlecraft.models.loss.guard import tolerance
from titlecraft.prompt import PromptFormat, encode_completions, encode_prompts
from titlecraft.records import Check
from training.data.examples import IGNORED, Examples

LOOKED_AT = 256
CHANGES = "the adapter changes the logits"
SHORT = 32  # tokens that are enough to see whether a gradient arrives


def check(name: str, expected: object, found: object) -> Check:
    """A check that holds if both are equal."""
    return Check(name=name, expected=str(expected), found=str(found), holds=expected == found)


def require(checks: list[Check]) -> list[Check]:
    """The checks, if all of them hold. Raises UserError naming the first that does not."""
    for item in checks:
        if not item.holds:
            raise UserError(
                f"check failed: {item.name}: expected {item.expected}, found {item.found}; nothing was published"
            )
    return checks


def check_examples(
    examples: Examples, split: Any, tokenizer: Any, prompt: PromptFormat, max_length: int
) -> list[Check]:
    """Mask, BOS, EOS and pad, on the examples as the trainer will get them: all of them, or 256 evenly spread."""
    total = len(examples.dataset)
    places = range(0, total, max(1, total // LOOKED_AT))
    looked_at = [examples.dataset[place] for place in places]
    checks = [check_padding(tokenizer, looked_at)]
    if tokenizer.bos_token_id is not None:
        single = sum(begins_once(one, tokenizer) for one in looked_at)
        checks.append(check("examples with exactly one BOS, in front", len(looked_at), single))
    rows = [split[examples.rows[place]] for place in places]
    answers = encode_completions(tokenizer, [row["output"] for row in rows])
    labels = [[token for token in one["labels"] if token != IGNORED] for one in looked_at]
    exact = sum(label == answer[: len(label)] for label, answer in zip(labels, answers, strict=True))
    checks.append(check("examples whose labels are exactly the answer and EOS", len(looked_at), exact))
    prompts = encode_prompts(tokenizer, [prompt.render(row["instruction"], row["input"]) for row in rows])
    fit = sum(len(question) + len(answer) <= max_length for question, answer in zip(prompts, answers, strict=True))
    ended = sum(label[-1] == tokenizer.eos_token_id for label in labels)
    checks.append(check("examples that end in EOS: all that were not cut", fit, ended))
    return checks


def check_padding(tokenizer: Any, examples: list[dict[str, list[int]]]) -> Check:
    """Padding takes no label: its token is one of its own or, where that is EOS, the trainer tells it by position."""
    if tokenizer.pad_token_id != tokenizer.eos_token_id:
        return check("the pad token is not the EOS token", True, True)
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    shortest = min(examples, key=lambda one: len(one["input_ids"]))
    longest = max(examples, key=lambda one: len(one["input_ids"]))
    pair = [
        shortest,
        {name: [*longest[name], longest[name][-1]] for name in ("input_ids", "labels")},
    ]  # never of one length
    batch = DataCollatorForLanguageModeling(pad_token_id=tokenizer.pad_token_id)(pair)
    kept = [
        [token for token, seen in zip(row.tolist(), mask.tolist(), strict=True) if seen]
        for row, mask in zip(batch["labels"], batch["attention_mask"], strict=True)
    ]
    unlabelled = all((batch["labels"][batch["attention_mask"] == 0] == IGNORED).tolist())
    whole = kept == [one["labels"] for one in pair] and unlabelled
    return check(
        "the pad token is the EOS token, padding has no label, and EOS behind an answer keeps its own", True, whole
    )


def begins_once(example: dict[str, list[int]], tokenizer: Any) -> bool:
    """Whether BOS stands in front of an example and nowhere else; where BOS is EOS, the one at the end is EOS."""
    ids, bos = example["input_ids"], tokenizer.bos_token_id
    inside = ids[:-1] if bos == tokenizer.eos_token_id == ids[-1] and example["labels"][-1] == bos else ids
    return inside.count(bos) == 1 and inside[0] == bos


def require_finite_logits(logits: Tensor, whose: str, fix: str) -> None:
    """Raises UserError where a logit is NaN or infinite, which compares with nothing."""
    if not bool(torch.isfinite(logits).all()):
        raise not_finite(whose, fix)


def not_finite(whose: str, fix: str) -> UserError:
    """The error of a model whose logits are NaN or infinite."""
    return UserError(f"{whose} gives logits that are not finite (nan or infinity): {fix}; nothing was published")


def check_adapter(model: PeftModel, token_ids: list[int], base_logits: Tensor) -> list[Check]:
    """The trained adapter changes the logits; switched off, it gives the base's back, bit for bit.

    The first is left out where it changes nothing: the record and the card say so. Raises UserError for logits with NaN.
    """
    probe = probe_adapter(model, base_logits, token_ids)
    if not probe.finite_on:
        raise not_finite("the trained adapter", "set a lower --training.learning_rate, or another --training.precision")
    changes = [check(CHANGES, True, True)] if probe.changes else []
    return [*changes, check("without the adapter the logits are the base's, bit for bit", True, probe.restores)]


def require_gradients(model: Any, token_ids: list[int], base: Any) -> None:
    """Raises UserError where a part of the adapter gets no gradient from text: it would be published as trained.

    One short forward and backward pass in eval mode; no random number is drawn, and the gradients are given back.
    """
    model.eval()
    ids = torch.tensor([token_ids[:SHORT]], device=model.device)
    with torch.enable_grad():
        model(input_ids=ids, use_cache=False).logits.float().logsumexp(-1).sum().backward()
    trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    dead = sorted(name for name, parameter in trained.items() if parameter.grad is None)
    model.zero_grad(set_to_none=True)
    if dead:
        layer = dead[0].partition(".lora_")[0].removeprefix("base_model.model.")
        raise UserError(
            f"lora.target_modules: {len(dead)} of {len(trained)} parts of the adapter get no gradient from text, {layer} of "
            f"{base} among them: name layers that text goes through, or set another base.repo"
        )


def check_packing(model: Any, rows: Any) -> list[Check]:
    """In a packed row each example has the loss that it has alone, and no example sees another.

    The second is looked at bit for bit: with all tokens of the first example exchanged, the hidden states of the others
    stay what they were. `rows` is a packed dataset; its first row with several examples is taken.
    """
    from training.data.packing import flatten_rows

    row = next((row for row in (rows[place] for place in range(len(rows))) if len(row["input_ids"]) > 1), None)
    if row is None:
        return []
    alone = [losses_of_answers(model, flatten_rows([{name: [row[name][place]] for name in row}]))
             for place in range(len(row["input_ids"]))]  # fmt: skip
    together = losses_of_answers(model, flatten_rows([row]))
    differences = [abs(one[0] - other) for one, other in zip(alone, together, strict=True)]
    apart = max(differences, key=lambda one: (one != one, one))  # a NaN is the largest: max() alone may pass over it
    allowed = tolerance(model)
    other_first = {**row, "input_ids": [row["input_ids"][0][::-1], *row["input_ids"][1:]]}
    length = len(row["input_ids"][0])
    states = [hidden_states(model, flatten_rows([one]))[0, length:] for one in (row, other_first)]
    seen = bool((states[0] != states[1]).any())
    return [
        Check(
            name="loss of a packed example against its loss alone, nats per token", expected=f"at most {allowed} apart",
            found=f"{apart:.1e} apart", holds=apart <= allowed,
        ),
        check("packed examples that see their neighbour", False, seen),
    ]  # fmt: skip


def check_accumulation(trainer: Any) -> list[Check]:
    """Two items in two forward passes of one step have the loss that they have in one pass, as the trainer computes it."""
    items = [trainer.train_dataset[place] for place in range(min(2, len(trainer.train_dataset)))]
    batches = [trainer._prepare_inputs(trainer.data_collator(some)) for some in ([*items], *([item] for item in items))]
    counts = [int((batch["labels"][:, 1:] != IGNORED).sum()) for batch in batches]
    trainer.model.eval()
    with torch.no_grad(), trainer.compute_loss_context_manager():
        losses = [float(trainer.compute_loss(trainer.model, batch, num_items_in_batch=counts[0])) for batch in batches]
    trainer._metrics["eval"].clear()  # TRL has noted their entropy
    apart = abs(losses[0] - sum(losses[1:]))
    allowed = tolerance(trainer.model)
    return [
        Check(
            name="loss of two forward passes of one step against that of one pass, nats per token",
            expected=f"at most {allowed} apart", found=f"{apart:.1e} apart", holds=apart <= allowed,
        )
    ]  # fmt: skip


def losses_of_answers(model: Any, batch: dict[str, Any]) -> list[float]:
    """Mean loss of each example's answer in a flattened batch, in nats per token, from plain logits of the answers' places."""
    labels, borders = batch["labels"][0], batch["cu_seq_lens_q"].tolist()
    states = hidden_states(model, batch)[0]
    found = []
    for start, end in pairwise(borders):
        places = start + (labels[start:end] != IGNORED).nonzero()[:, 0]
        with torch.no_grad():
            logits = own_logits(model, states[places - 1].to(model.dtype)).float()
        found.append(float(torch.nn.functional.cross_entropy(logits, labels[places].to(logits.device))))
    return found


def hidden_states(model: Any, batch: dict[str, Any]) -> Any:
    """Last hidden states of a flattened batch in eval mode, of shape (1, tokens, width)."""
    model.eval()
    inputs = {
        name: value.to(model.device) if hasattr(value, "to") else value
        for name, value in batch.items()
        if name != "labels"
    }
    with torch.no_grad():
        return decoder_of(model)(**inputs, use_cache=False).last_hidden_state

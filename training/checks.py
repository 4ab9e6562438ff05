"""Checks before the first step and after the last one. Each is written into the record; one that fails stops the run."""

from itertools import pairwise
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor
from trl.trainer import sft_trainer

from titlecraft.errors import UserError
from titlecraft.models.adapter.probe import probe_adapter
from titlecraft.models.layers import decoder_of
from titlecraft.models.loss.answer_logits import own_logits
from titlecraft.models.loss.guard import tolerance
from titlecraft.prompt import PromptFormat, encode_completions, encode_prompts
from titlecraft.records import Check
from training.data.examples import IGNORED, Examples
from training.data.long_answers import fit
from training.data.packing import flatten_rows

SAMPLED = 256  # examples
CHANGES = "the adapter changes the logits"
SHORT = 32  # tokens, enough to test whether every weight gets a gradient


def check(name: str, expected: object, found: object) -> Check:
    """A check that holds if `expected` equals `found`."""
    return Check(name=name, expected=str(expected), found=str(found), holds=expected == found)


def require(checks: list[Check]) -> list[Check]:
    """Return the checks. Raises UserError naming the first that fails."""
    for item in checks:
        if not item.holds:
            raise UserError(
                f"check failed: {item.name}: expected {item.expected}, found {item.found}; nothing was published"
            )
    return checks


def check_examples(
    examples: Examples,
    split: Any,
    tokenizer: Any,
    prompt: PromptFormat,
    max_length: int,
    long_answers: str = "drop",
) -> list[Check]:
    """Check labels, BOS, EOS and padding of the examples that the trainer gets: all of them, or 256 evenly spaced ones."""
    total = len(examples.dataset)
    indices = range(0, total, max(1, total // SAMPLED))
    sample = [examples.dataset[index] for index in indices]
    checks = [check_padding(tokenizer, sample)]
    if prompt.format == "alpaca" and tokenizer.bos_token_id is not None:
        single = sum(begins_once(example, tokenizer) for example in sample)
        checks.append(check("examples with exactly one BOS, in front", len(sample), single))
    rows = [split[int(examples.rows[index])] for index in indices]
    answers = encode_completions(tokenizer, [row["output"] for row in rows])
    labels = [[token for token in example["labels"] if token != IGNORED] for example in sample]
    prompts = encode_prompts(tokenizer, [prompt.render(row["instruction"], row["input"]) for row in rows], prompt)
    fitted = [fit(*pair, max_length, long_answers) for pair in zip(prompts, answers, strict=True)]
    exact = sum(label == answer for label, answer in zip(labels, fitted, strict=True))
    checks.append(check("examples whose labels are exactly the answer and EOS", len(sample), exact))
    whole = sum(answer[-1:] == [tokenizer.eos_token_id] for answer in fitted)
    if prompt.format == "chat":
        begun = sum(
            example["input_ids"][: len(question)] == question for example, question in zip(sample, prompts, strict=True)
        )
        checks.append(check("examples that begin with the prompt of the chat template", len(sample), begun))
        doubled = sum(begins_twice(example["input_ids"], tokenizer) for example in sample)
        checks.append(check("examples with two BOS in front", 0, doubled))
    ended = sum(label[-1] == tokenizer.eos_token_id for label in labels)
    checks.append(check("examples that end in EOS: all that were not cut", whole, ended))
    return checks


def check_padding(tokenizer: Any, examples: list[dict[str, list[int]]]) -> Check:
    """Check that padding has no label and EOS keeps its own, even if the pad token is the EOS token."""
    if tokenizer.pad_token_id != tokenizer.eos_token_id:
        return check("the pad token is not the EOS token", True, True)
    shortest = min(examples, key=lambda example: len(example["input_ids"]))
    longest = max(examples, key=lambda example: len(example["input_ids"]))
    longer = {name: [*longest[name], longest[name][-1]] for name in ("input_ids", "labels")}
    pair = [shortest, longer]  # of different lengths, so that one is padded
    batch = sft_trainer.DataCollatorForLanguageModeling(pad_token_id=tokenizer.pad_token_id)(pair)
    unpadded_labels = [
        [token for token, is_token in zip(row.tolist(), mask.tolist(), strict=True) if is_token]
        for row, mask in zip(batch["labels"], batch["attention_mask"], strict=True)
    ]
    unlabelled = all((batch["labels"][batch["attention_mask"] == 0] == IGNORED).tolist())
    holds = unpadded_labels == [example["labels"] for example in pair] and unlabelled
    return check(
        "the pad token is the EOS token, padding has no label, and EOS behind an answer keeps its own", True, holds
    )


def begins_once(example: dict[str, list[int]], tokenizer: Any) -> bool:
    """Whether an example starts with BOS and has no other; if BOS and EOS are one token, the last one is EOS."""
    ids, bos = example["input_ids"], tokenizer.bos_token_id
    inside = ids[:-1] if bos == tokenizer.eos_token_id == ids[-1] and example["labels"][-1] == bos else ids
    return inside.count(bos) == 1 and inside[0] == bos


def begins_twice(ids: list[int], tokenizer: Any) -> bool:
    """Whether an example starts with two BOS: the template's, and one that was added to it."""
    return tokenizer.bos_token_id is not None and ids[:2] == [tokenizer.bos_token_id] * 2


def require_finite_logits(logits: Tensor, owner: str, fix: str) -> None:
    """Raises UserError if a logit is NaN or infinite: comparisons with NaN are always false."""
    if not bool(torch.isfinite(logits).all()):
        raise not_finite(owner, fix)


def not_finite(owner: str, fix: str) -> UserError:
    """The error for a model whose logits are NaN or infinite."""
    return UserError(f"{owner} gives logits that are not finite (nan or infinity): {fix}; nothing was published")


def check_adapter(model: PeftModel, token_ids: list[int], base_logits: Tensor) -> list[Check]:
    """Check that the trained adapter changes the logits, and that disabling it restores the base's logits bit for bit.

    An adapter that changes nothing is no failure: the first check is left out, and record and card say so. Raises UserError
    for logits that are not finite.
    """
    probe = probe_adapter(model, base_logits, token_ids)
    if not probe.finite_on:
        raise not_finite("the trained adapter", "set a lower --training.learning_rate, or another --training.precision")
    changes = [check(CHANGES, True, True)] if probe.changes else []
    return [*changes, check("without the adapter the logits are the base's, bit for bit", True, probe.restores)]


def require_gradients(model: Any, token_ids: list[int], base: Any) -> None:
    """Raises UserError if an adapter weight gets no gradient from text; it would be published untrained.

    Runs one short forward and backward pass in eval mode, draws no random numbers, and clears the gradients.
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
    """Check that each example of a packed row has the loss that it has alone, and attends to no other example.

    For the second, the tokens of the first example are reversed: the hidden states of the others must stay equal bit for bit.
    Uses the first row of the packed dataset `rows` that holds several examples.
    """
    row = next((row for row in (rows[index] for index in range(len(rows))) if len(row["input_ids"]) > 1), None)
    if row is None:
        return []
    singles = [{name: [row[name][index]] for name in row} for index in range(len(row["input_ids"]))]
    alone = [losses_of_answers(model, flatten_rows([single]))[0] for single in singles]
    packed = losses_of_answers(model, flatten_rows([row]))
    differences = [abs(loss - packed_loss) for loss, packed_loss in zip(alone, packed, strict=True)]
    # NaN counts as the largest
    largest = max(differences, key=lambda difference: (difference != difference, difference))
    allowed = tolerance(model)
    changed = {**row, "input_ids": [row["input_ids"][0][::-1], *row["input_ids"][1:]]}
    length = len(row["input_ids"][0])
    states = [hidden_states(model, flatten_rows([version]))[0, length:] for version in (row, changed)]
    leaks = bool((states[0] != states[1]).any())
    return [
        Check(
            name="loss of a packed example against its loss alone, nats per token",
            expected=f"at most {allowed} apart",
            found=f"{largest:.1e} apart",
            holds=largest <= allowed,
        ),
        check("packed examples that see their neighbour", False, leaks),
    ]


def check_accumulation(trainer: Any) -> list[Check]:
    """Check that the trainer computes the same loss for two items in two forward passes of a step as in one pass."""
    items = [trainer.train_dataset[index] for index in range(min(2, len(trainer.train_dataset)))]
    batches = [
        trainer._prepare_inputs(trainer.data_collator(batch)) for batch in ([*items], *([item] for item in items))
    ]
    counts = [int((batch["labels"][:, 1:] != IGNORED).sum()) for batch in batches]
    trainer.model.eval()
    with torch.no_grad(), trainer.compute_loss_context_manager():
        losses = [float(trainer.compute_loss(trainer.model, batch, num_items_in_batch=counts[0])) for batch in batches]
    trainer._metrics["eval"].clear()  # TRL has stored their entropies
    difference = abs(losses[0] - sum(losses[1:]))
    allowed = tolerance(trainer.model)
    return [
        Check(
            name="loss of two forward passes of one step against that of one pass, nats per token",
            expected=f"at most {allowed} apart",
            found=f"{difference:.1e} apart",
            holds=difference <= allowed,
        )
    ]


def losses_of_answers(model: Any, batch: dict[str, Any]) -> list[float]:
    """Mean loss of each example's answer in a flattened batch, in nats per token, from plain logits."""
    labels, borders = batch["labels"][0], batch["cu_seq_lens_q"].tolist()
    states = hidden_states(model, batch)[0]
    losses = []
    for start, end in pairwise(borders):
        positions = start + (labels[start:end] != IGNORED).nonzero()[:, 0]
        with torch.no_grad():
            logits = own_logits(model, states[positions - 1].to(model.dtype)).float()
        losses.append(float(torch.nn.functional.cross_entropy(logits, labels[positions].to(logits.device))))
    return losses


def hidden_states(model: Any, batch: dict[str, Any]) -> Any:
    """Last hidden states of a flattened batch in eval mode, of shape (1, tokens, hidden size)."""
    model.eval()
    inputs = {
        name: value.to(model.device) if hasattr(value, "to") else value
        for name, value in batch.items()
        if name != "labels"
    }
    with torch.no_grad():
        return decoder_of(model)(**inputs, use_cache=False).last_hidden_state

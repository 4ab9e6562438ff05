"""TRL's SFTTrainer with the recipe's settings, which also counts the examples and tokens that it trains on."""

import copy
from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import PeftModel
from transformers import PreTrainedTokenizerBase, PrinterCallback, Trainer, TrainerCallback
from trl.trainer.sft_config import SFTConfig

from titlecraft.models.attention.document import DOCUMENTS
from titlecraft.models.layers import causal_of
from titlecraft.models.loss.answer_logits import head_of
from titlecraft.process import distributed
from titlecraft.records import Optimizer
from titlecraft.settings import Training
from training.checkpoints.run_state import RunState
from training.checkpoints.saving import Saving
from training.checkpoints.trainer_hooks import CheckpointingTrainer, SaveNow
from training.data.examples import IGNORED
from training.data.packing import flatten_examples, flatten_rows
from training.health import StopWhenBroken
from training.model.initial_weights import starts_from_weights
from training.model.sharded_base import allow_shards_beside_ddp
from training.validation.validator import Sample, Validator
from training.watching.progress import Pace, ProgressBar, figures

OPTIMIZER = Optimizer()
LOADERS = 2  # worker processes that collate batches


class CountingTrainer(CheckpointingTrainer):
    """SFTTrainer that counts the examples and tokens of every training forward pass.

    `seen` counts examples, tokens (`computed` includes padding) and answer tokens of this process; after `run_all_steps`, of
    all processes. `run_state.cost(energy)` is the cost of the run.
    """

    health: StopWhenBroken
    bar: ProgressBar

    def __init__(self, *args: Any, settings: Training, **kwargs: Any) -> None:
        self.settings = settings
        self.seen: dict[str, Any] = {"examples": 0, "tokens": 0, "computed": 0, "completion_tokens": 0}
        self.pace = Pace()
        super().__init__(*args, **kwargs)

    def compute_loss(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Count the batch and return its loss."""
        if model.training:
            self.pace.begin(self.seen["tokens"])
            count_batch(self.seen, inputs)
        if self.settings.fused_kernels:  # without logits, TRL cannot compute its other metrics
            return Trainer.compute_loss(self, model, inputs | {"use_cache": False}, *args, **kwargs)
        return super().compute_loss(model, inputs, *args, **kwargs)

    def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> Any:
        self.health.norm = super()._get_grad_norm(model, grad_norm)
        return self.health.norm

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """Log with the counts added."""
        if not isfinite(logs.get("grad_norm", 0)):  # of a step that float16 skipped; JSON has no NaN and no infinity
            del logs["grad_norm"]
        if "loss" in logs and self.health.skipped:
            logs["skipped_steps"] = self.health.skipped
        if "loss" in logs:
            rate = self.pace.rate(int(self.seen["tokens"])) * self.accelerator.num_processes
            logs |= figures(self.seen_by_all(), rate)
        super().log(logs, *args, **kwargs)

    def seen_by_all(self) -> dict[str, int]:
        """The counts summed over all ranks. Every rank has to call it."""
        counts = torch.tensor([int(count) for count in self.seen.values()], device=self.accelerator.device)
        total: Any = self.accelerator.reduce(counts, "sum")
        return dict(zip(self.seen, total.tolist(), strict=True))


class OneDevice(SFTConfig):
    """SFTConfig for one GPU per process. Transformers would split batches over all visible GPUs, and double the batch."""

    @property
    def n_gpu(self) -> int:
        """GPUs of this process: 1, or 0 on a CPU."""
        return min(1, super().n_gpu)


class OwnDropout(TrainerCallback):
    """Seeds dropout on each rank; otherwise all ranks would drop the same elements of their batches.

    The order of the data has a generator of its own. A resumed run loads the random state of each rank later, from its
    checkpoint.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Seed torch."""
        torch.manual_seed(self.seed)


def count_batch(seen: dict[str, Any], inputs: dict[str, Any]) -> None:
    """Add a batch's examples, tokens (with and without padding) and labels to `seen`, without waiting for the GPU."""
    seen["computed"] += inputs["input_ids"].numel()
    if "cu_seq_lens_q" in inputs:
        seen["examples"] += len(inputs["cu_seq_lens_q"]) - 1
        seen["tokens"] += inputs["input_ids"].numel()
    else:
        seen["examples"] += inputs["input_ids"].shape[0]
        seen["tokens"] = seen["tokens"] + inputs["attention_mask"].sum()
    seen["completion_tokens"] = seen["completion_tokens"] + (inputs["labels"] != IGNORED).sum()


def is_product(model: PeftModel) -> bool:
    """Whether the logits are a plain product with the output layer's weights: no scale, no cap and no adapter on it."""
    head = head_of(model)
    return head is not None and head.plain and not hasattr(causal_of(model).get_output_embeddings(), "base_layer")


def collator(model: PeftModel, settings: Training) -> Callable[[list[dict[str, Any]]], dict[str, Any]] | None:
    """How items become a batch: packed rows or whole examples laid end to end, or None for TRL's padding."""
    if settings.packing:
        return flatten_rows
    return flatten_examples if model.config._attn_implementation == DOCUMENTS else None


def make_trainer(
    model: PeftModel,
    tokenizer: PreTrainedTokenizerBase,
    dataset: Dataset,
    settings: Training,
    precision: str,
    work: Path,
    saving: Saving | None = None,
    sample: Sample | None = None,
) -> CountingTrainer:
    """A trainer over tokenised examples, or over packed rows of them if the settings say so.

    Unfinished checkpoints are written into `work`; finished ones are moved to `saving.folder`. `sample` are the rows that
    validate the training, if any.
    """
    exact = starts_from_weights(model)
    trainer = CountingTrainer(
        model=model,
        settings=settings,
        processing_class=copy.deepcopy(tokenizer),  # Unsloth changes its padding side, and ours is published
        train_dataset=dataset,
        data_collator=collator(model, settings),
        args=trainer_arguments(model, settings, precision, work),
    )
    if settings.shard_base:
        allow_shards_beside_ddp(trainer.accelerator)
    trainer.remove_callback(PrinterCallback)
    trainer.saving = saving
    trainer.health = StopWhenBroken(trainer, settings, precision)
    trainer.run_state = RunState(trainer)
    trainer.bar = ProgressBar()
    for callback in (
        trainer.health,
        trainer.run_state,
        trainer.bar,
    ):  # run_state restores the counts before others read them
        trainer.add_callback(callback)
    if distributed.rank():
        trainer.add_callback(OwnDropout(settings.seed + distributed.rank()))
    if sample:
        pad: Any = tokenizer.pad_token_id or 0
        trainer.validator = Validator(trainer, sample, settings, pad)
        trainer.add_callback(trainer.validator)
    if saving:
        trainer.add_callback(SaveNow(saving))
    for name, parameter in trainer.model.named_parameters():
        # TRL casts them to bfloat16 on a 4-bit base, which would round small updates to zero
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
            if name in exact:
                parameter.data.copy_(exact[name])
    return trainer


def trainer_arguments(model: PeftModel, settings: Training, precision: str, work: Path) -> OneDevice:
    """The recipe's settings as transformers and TRL call them."""
    on_gpu = torch.cuda.is_available()
    # TRL's chunked loss would replace ours: it computes logits twice, for entropies that nobody reads, and it multiplies with
    # the output layer, which is not all that some models do to their logits
    own_loss = settings.fused_kernels or (settings.backend == "trl" and not is_product(model))
    return OneDevice(
        output_dir=str(work),
        per_device_train_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.accumulation,
        max_steps=settings.max_steps or -1,
        num_train_epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        lr_scheduler_type=settings.schedule,
        warmup_steps=settings.warmup_steps,
        optim=settings.optimizer,
        weight_decay=settings.weight_decay,
        neftune_noise_alpha=settings.neftune_noise_alpha,
        adam_beta1=OPTIMIZER.beta1,
        adam_beta2=OPTIMIZER.beta2,
        adam_epsilon=OPTIMIZER.epsilon,
        max_grad_norm=OPTIMIZER.max_grad_norm,
        gradient_checkpointing=settings.gradient_checkpointing,
        logging_steps=settings.logging_steps,
        logging_nan_inf_filter=False,  # it would log the mean of earlier losses instead of a NaN
        seed=settings.seed,
        data_seed=settings.seed,
        max_length=None,  # the examples have been truncated already, and counted
        packing=False,  # the rows have been packed already
        dataset_kwargs={"skip_prepare_dataset": True},
        remove_unused_columns=False,
        padding_free=False,  # otherwise Unsloth turns it on and drops the attention masks, by which tokens are counted
        loss_type="nll" if own_loss else None,
        router_aux_loss_coef=0.0,  # see training/model/router_loss.py
        report_to="none",
        save_strategy="no",  # SaveNow decides when
        push_to_hub=False,
        disable_tqdm=True,  # ProgressBar shows tokens per second, and prints no dictionaries
        dataloader_num_workers=LOADERS if on_gpu else 0,  # so that the GPU does not wait for batches
        ddp_find_unused_parameters=False,  # every adapter weight has a gradient in every pass
        use_cpu=not on_gpu,
        bf16=precision == "bfloat16",
        fp16=precision == "float16",
    )


def run_all_steps(trainer: CountingTrainer) -> None:
    """Train, from the checkpoint that `trainer.saving` names if there is one.

    Afterwards the model has the weights of the step to publish, `trainer.seen` holds the counts of all ranks, and accelerate's
    autocast is removed from the model, so that it computes its logits as before. Raises UserError if the run broke.
    """
    resume = trainer.saving.resume if trainer.saving else None
    try:
        trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    finally:
        trainer.bar.close()  # so that an error starts on a line of its own
    trainer.health.require_learned(trainer.state.global_step)
    trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)
    trainer.seen.update(trainer.seen_by_all())
    if trainer.validator:
        trainer.validator.restore_kept_weights()

"""TRL's SFTTrainer with our settings, and a count of what it really saw."""

import copy
from math import isfinite
from pathlib import Path
from typing import Any

from titlecraft.models.layers import causal_of
from titlecraft.models.loss.answer_logits import head_of
from titlecraft.process import distributed
from titlecraft.records import Optimizer
from titlecraft.settings import Training
from training.checkpoints.run_state import run_so_far
from training.checkpoints.saving import Saving, WritesWholeCheckpoints, save_now
from training.data.examples import IGNORED
from training.data.packing import flatten_rows
from training.health import stop_when_broken
from training.watching.progress import Pace, figures, progress_bar

OPTIMIZER = Optimizer()
LOADERS = 2  # processes that put batches together
COMPUTE_DTYPES = {
    "bfloat16": {"bf16": True, "fp16": False},
    "float16": {"bf16": False, "fp16": True},
    "float32": {"bf16": False, "fp16": False},
}


def count_batch(seen: dict[str, Any], inputs: dict[str, Any]) -> None:
    """Add a batch's examples, tokens (without padding, and with it) and labels to `seen`, without waiting for a GPU."""
    seen["computed"] += inputs["input_ids"].numel()
    if "cu_seq_lens_q" in inputs:
        seen["examples"] += len(inputs["cu_seq_lens_q"]) - 1
        seen["tokens"] += inputs["input_ids"].numel()
    else:
        seen["examples"] += inputs["input_ids"].shape[0]
        seen["tokens"] = seen["tokens"] + inputs["attention_mask"].sum()
    seen["completion_tokens"] = seen["completion_tokens"] + (inputs["labels"] != IGNORED).sum()


def is_product(model: Any) -> bool:
    """Whether the model's logits are the product with the weights of its output layer, and nothing else."""
    head = head_of(model)
    return head is not None and head.plain and not hasattr(causal_of(model).get_output_embeddings(), "base_layer")


def make_trainer(
    model: Any,
    tokenizer: Any,
    dataset: Any,
    settings: Training,
    precision: str,
    work: Path,
    saving: Saving | None = None,
) -> Any:
    """A trainer over encoded examples, or over packed rows of them where the settings say so.

    Its attribute `seen` counts examples, tokens (`computed`: with padding) and answer tokens of this process as they pass;
    `so_far.cost(energy)` is what it took. It writes into `work` what it has not finished yet.
    """
    import torch
    from transformers import PrinterCallback, Trainer
    from trl import SFTConfig, SFTTrainer

    class CountingTrainer(WritesWholeCheckpoints, SFTTrainer):
        """SFTTrainer that counts the examples and tokens of every forward pass of training."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self.seen, self.pace = {"examples": 0, "tokens": 0, "computed": 0, "completion_tokens": 0}, Pace()
            super().__init__(*args, **kwargs)

        def compute_loss(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
            if model.training:
                self.pace.begin(self.seen["tokens"])
                count_batch(self.seen, inputs)
            if settings.fused_kernels:  # there are no logits from which TRL could compute its other figures
                return Trainer.compute_loss(self, model, inputs | {"use_cache": False}, *args, **kwargs)
            return super().compute_loss(model, inputs, *args, **kwargs)

        def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> Any:
            self.health.norm = super()._get_grad_norm(model, grad_norm)
            return self.health.norm

        def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
            if not isfinite(logs.get("grad_norm", 0)):  # of a step that float16 skipped; JSON has no word for it
                del logs["grad_norm"]
            if "loss" in logs:
                seen = self.seen_by_all()
                logs |= figures(seen, self.pace.rate(int(self.seen["tokens"])) * self.accelerator.num_processes)
            super().log(logs, *args, **kwargs)

        def seen_by_all(self) -> dict[str, int]:
            """The counts of all processes together; each of them has to ask."""
            counts = torch.tensor([int(count) for count in self.seen.values()], device=self.accelerator.device)
            return dict(zip(self.seen, self.accelerator.reduce(counts, "sum").tolist(), strict=True))

    class OneDevice(SFTConfig):
        """Transformers would share a batch out between all GPUs that a process sees: twice the batch, and twice the loss."""

        @property
        def n_gpu(self) -> int:
            """GPUs of this process: one, or none. Several are for several processes."""
            return min(1, super().n_gpu)

    trainer = CountingTrainer(
        model=model,
        processing_class=copy.deepcopy(tokenizer),  # Unsloth changes its padding side, and ours is published
        train_dataset=dataset,
        data_collator=flatten_rows if settings.packing else None,
        args=OneDevice(
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
            adam_beta1=OPTIMIZER.beta1,
            adam_beta2=OPTIMIZER.beta2,
            adam_epsilon=OPTIMIZER.epsilon,
            max_grad_norm=OPTIMIZER.max_grad_norm,
            gradient_checkpointing=settings.gradient_checkpointing,
            logging_steps=settings.logging_steps,
            logging_nan_inf_filter=False,  # it would put the mean of earlier losses in the place of a NaN
            seed=settings.seed,
            data_seed=settings.seed,
            max_length=None,  # the examples have been cut already, and counted
            packing=False,  # the rows are packed already
            dataset_kwargs={"skip_prepare_dataset": True},
            remove_unused_columns=False,
            padding_free=False,  # or Unsloth takes it on, and the attention masks that tokens are counted by away
            # TRL's own chunked loss would take the place of ours: logits twice, for entropies that nobody reads
            # and it multiplies with the output layer, which is all that some models do to their logits, and not what others do
            loss_type="nll"
            if settings.fused_kernels or (settings.backend == "trl" and not is_product(model))
            else None,
            router_aux_loss_coef=0.0,  # see training/model/router_loss.py
            report_to="none",
            save_strategy="no",  # save_now says when
            push_to_hub=False,
            disable_tqdm=True,  # ours shows the rate in tokens and prints no dictionaries
            dataloader_num_workers=LOADERS
            if torch.cuda.is_available()
            else 0,  # batches wait for the GPU, not it for them
            ddp_find_unused_parameters=False,  # every adapter weight has a gradient in every pass
            use_cpu=not torch.cuda.is_available(),
            **COMPUTE_DTYPES[precision],
        ),
    )
    trainer.remove_callback(PrinterCallback)
    trainer.health = stop_when_broken(trainer, settings, precision)
    trainer.add_callback(trainer.health)
    trainer.saving, trainer.so_far = saving, run_so_far(trainer)
    trainer.add_callback(trainer.so_far)  # first: it gives the others what was seen
    trainer.bar = progress_bar()
    trainer.add_callback(trainer.bar)
    if distributed.rank():
        trainer.add_callback(own_dropout(settings.seed + distributed.rank()))
    if saving:
        trainer.add_callback(save_now(saving))
    for parameter in trainer.model.parameters():
        if parameter.requires_grad:  # TRL casts them to bfloat16 where the base is in 4 bit; small steps would be lost
            parameter.data = parameter.data.float()
    return trainer


def own_dropout(seed: int) -> Any:
    """A trainer callback that seeds what a process drops out, or all processes would drop the same elements of their batches.

    The order of the data does not depend on it: that has a generator of its own. A run that is resumed goes on with the state
    that its checkpoint has for each process, which is loaded later.
    """
    import torch
    from transformers import TrainerCallback

    class OwnDropout(TrainerCallback):
        """Before the first step."""

        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            torch.manual_seed(seed)

    return OwnDropout()


def run_all_steps(trainer: Any) -> None:
    """Train, then take accelerate's autocast off the model, so that it computes its logits as it did before.

    Goes on from a checkpoint where the trainer's `saving` names one. `seen` holds the counts of all processes then.
    """
    resume = trainer.saving.resume if trainer.saving else None
    try:
        trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    finally:
        trainer.bar.close()  # or what went wrong would stand in the same line
    trainer.health.require_learned(trainer.state.global_step)
    trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)
    trainer.seen.update(trainer.seen_by_all())

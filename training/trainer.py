"""TRL's SFTTrainer with our settings, and a count of what it really saw."""

import copy
from pathlib import Path
from typing import Any

from titlecraft.settings import Training
from training.examples import IGNORED
from training.packing import flatten_rows
from training.run_so_far import run_so_far
from training.saving import Saving, WritesWholeCheckpoints, save_now

LOADERS = 2  # processes that put batches together
COMPUTE_DTYPES = {
    "bfloat16": {"bf16": True, "fp16": False},
    "float16": {"bf16": False, "fp16": True},
    "float32": {"bf16": False, "fp16": False},
}


def count_batch(seen: dict[str, Any], inputs: dict[str, Any]) -> None:
    """Add a batch's examples, tokens (without padding) and labelled tokens to `seen`, without waiting for a GPU."""
    if "cu_seq_lens_q" in inputs:
        seen["examples"] += len(inputs["cu_seq_lens_q"]) - 1
        seen["tokens"] += inputs["input_ids"].numel()
    else:
        seen["examples"] += inputs["input_ids"].shape[0]
        seen["tokens"] = seen["tokens"] + inputs["attention_mask"].sum()
    seen["completion_tokens"] = seen["completion_tokens"] + (inputs["labels"] != IGNORED).sum()


def progress_bar(seen: dict[str, int]) -> Any:
    """A trainer callback: one bar over the optimizer steps, with loss and tokens per second."""
    from tqdm import tqdm
    from transformers import TrainerCallback

    class ProgressBar(TrainerCallback):
        """Shows how far training is."""

        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.bar, self.shown = tqdm(total=state.max_steps, desc="training", unit="step"), {}

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float], **kwargs: Any) -> None:
            if "loss" in logs:
                rate = int(seen["tokens"]) / max(1e-9, self.bar.format_dict["elapsed"])
                self.shown = {"loss": f"{float(logs['loss']):.3f}", "tokens/s": f"{rate:,.0f}"}

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.bar.set_postfix(self.shown, refresh=False)
            self.bar.update(state.global_step - self.bar.n)
            if state.global_step == state.max_steps:  # the last step is logged, whatever logging_steps is
                control.should_log = True

        def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.bar.close()

    return ProgressBar()


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

    Its attribute `seen` counts examples, tokens and answer tokens as they pass; `so_far.cost()` is what it took. It writes
    into `work` what it has not finished yet.
    """
    import torch
    from transformers import PrinterCallback, Trainer
    from trl import SFTConfig, SFTTrainer

    class CountingTrainer(WritesWholeCheckpoints, SFTTrainer):
        """SFTTrainer that counts the examples and tokens of every forward pass of training."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self.seen = {"examples": 0, "tokens": 0, "completion_tokens": 0}
            super().__init__(*args, **kwargs)

        def compute_loss(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
            if model.training:
                count_batch(self.seen, inputs)
            if settings.fused_kernels:  # there are no logits from which TRL could compute its other figures
                return Trainer.compute_loss(self, model, inputs | {"use_cache": False}, *args, **kwargs)
            return super().compute_loss(model, inputs, *args, **kwargs)

    trainer = CountingTrainer(
        model=model,
        processing_class=copy.deepcopy(tokenizer),  # Unsloth changes its padding side, and ours is published
        train_dataset=dataset,
        data_collator=flatten_rows if settings.packing else None,
        args=SFTConfig(
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
            gradient_checkpointing=settings.gradient_checkpointing,
            logging_steps=settings.logging_steps,
            seed=settings.seed,
            data_seed=settings.seed,
            max_length=None,  # the examples have been cut already, and counted
            packing=False,  # the rows are packed already
            dataset_kwargs={"skip_prepare_dataset": True},
            remove_unused_columns=False,
            padding_free=False,  # or Unsloth takes it on, and the attention masks that tokens are counted by away
            report_to="none",
            save_strategy="no",  # save_now says when
            push_to_hub=False,
            disable_tqdm=True,  # ours shows the rate in tokens and prints no dictionaries
            dataloader_num_workers=LOADERS
            if torch.cuda.is_available()
            else 0,  # batches wait for the GPU, not it for them
            use_cpu=not torch.cuda.is_available(),
            **COMPUTE_DTYPES[precision],
        ),
    )
    trainer.remove_callback(PrinterCallback)
    trainer.saving, trainer.so_far = saving, run_so_far(trainer)
    trainer.add_callback(trainer.so_far)  # first: it gives the others what was seen
    trainer.add_callback(progress_bar(trainer.seen))
    if saving:
        trainer.add_callback(save_now(saving))
    for parameter in trainer.model.parameters():
        if parameter.requires_grad:  # TRL casts them to bfloat16 where the base is in 4 bit; small steps would be lost
            parameter.data = parameter.data.float()
    return trainer


def run_all_steps(trainer: Any) -> None:
    """Train, then take accelerate's autocast off the model, so that it computes its logits as it did before.

    Goes on from a checkpoint where the trainer's `saving` names one.
    """
    resume = trainer.saving.resume if trainer.saving else None
    trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)
    trainer.seen.update({name: int(count) for name, count in trainer.seen.items()})

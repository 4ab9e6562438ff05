"""A training as in Unsloth's notebooks, for comparison."""

from pathlib import Path
from typing import Any

from benchmarks.world.step_clock import StepClock


def unsloth(base: Path, packed: bool) -> dict[str, Any]:
    """Train Unsloth's model with TRL's SFTTrainer, as in its notebooks: the seed recipe's batches, or packed.

    Packed: 8 rows of 2,048 tokens, no checkpointing, and no dropout, which Unsloth has no fast path for.
    """
    from unsloth import FastLanguageModel  # before transformers  # pyright: ignore[reportMissingImports]
    import torch  # isort: skip

    model, tokenizer = FastLanguageModel.from_pretrained(
        str(base), max_seq_length=2048, dtype=torch.bfloat16, load_in_4bit=True, trust_remote_code=False
    )
    model = FastLanguageModel.get_peft_model(
        model,
        r=16,
        lora_alpha=32,
        lora_dropout=0.0 if packed else 0.05,
        bias="none",
        random_state=3407,
        use_gradient_checkpointing=False if packed else "unsloth",
        target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
    )
    from datasets import Dataset
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    from benchmarks.world.random_8b import rows

    found = rows(8000 if packed else 800)
    mask = [[int(label != -100) for label in labels] for labels in found["labels"]]
    seen = {"examples": 0, "tokens": 0}

    class Counting(SFTTrainer):
        """Counts rows and tokens; EOS (1) occurs only at the end of each row, 2 is padding."""

        def compute_loss(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
            seen["examples"] += int((inputs["input_ids"] == 1).sum())
            seen["tokens"] += int((inputs["input_ids"] != 2).sum())
            return super().compute_loss(model, inputs, *args, **kwargs)

    clock = StepClock(seen)
    trainer = Counting(
        model=model,
        processing_class=tokenizer,
        callbacks=[clock.callback],
        train_dataset=Dataset.from_dict({"input_ids": found["input_ids"], "completion_mask": mask}),
        args=SFTConfig(
            output_dir="/tmp/titlecraft-trainer",
            per_device_train_batch_size=8 if packed else 2,
            gradient_accumulation_steps=1 if packed else 4,
            max_steps=11,
            learning_rate=2e-4,
            warmup_steps=5,
            bf16=True,
            logging_steps=1,
            optim="adamw_8bit",
            weight_decay=0.01,
            report_to="none",
            save_strategy="no",
            max_length=2048,
            packing=packed,
            gradient_checkpointing=False,
        ),
    )
    torch.cuda.reset_peak_memory_stats()
    trainer.train()
    return clock.rates() | {"peak_gb": round(torch.cuda.max_memory_allocated() / 1e9, 1)}

"""Records with literal values; the golden cards are rendered from them."""

from titlecraft.records import (
    Check,
    Chosen,
    Code,
    DatasetRecord,
    Distribution,
    Effect,
    Examples,
    File,
    Leakage,
    Licence,
    Losses,
    Measured,
    Optimizer,
    Pin,
    Source,
    SourceFile,
    Split,
    TrainingRecord,
    Validation,
    ValidationPoint,
)
from titlecraft.settings import SEVEN_PROJECTIONS, Base, Data, Generation, Lora, Prompt, Training

ROWS = [
    {
        "uid": f"B{number:09d}",
        "title": f"Lamp {number}",
        "prompt": f"Describe Lamp {number}:\n",
        "reference": f"A lamp, number {number}.",
        "before": "Lamp, lamp." * (1 + 60 * (number == 7)),
        "after": ["A lamp.", "<b>|A</b> `lamp`\n\n---\n# for $5", ""][number % 3],
        "nll_per_token_before": 2.5,
        "nll_per_token_after": 2.0 + number / 16,
    }
    for number in range(12)
]
CODE = Code(titlecraft="0.1.0", sources="5" * 64, python="3.11.7", packages={"torch": "2.13.0", "peft": "0.21.2"})
METERED = Measured(
    device="NVIDIA H200",
    wall_seconds=321.5,
    tokens_per_second=1244.2,
    peak_gpu_memory_gb=9.9,
    peak_process_memory_gb=6.1,
    energy_kwh=0.0421,
    energy_of="GPU",
    energy_by="codecarbon 3.3.2",
    co2_eq_grams=4.14,
    country="BRA",
    devices=2,
    parts=1,
    validation_seconds=7.4,
)
DATASET = Pin(type="dataset", repo="ns/data", revision="d" * 40)
WRITTEN_DOWN_LATER = {
    "optimizer": Optimizer(),
    "effect": Effect(changes_logits=True, split="validation", rows=32, tokens=2100, nll_base=2.81, nll_adapter=2.43),
    "validation": Validation(
        split="validation",
        rows=32,
        tokens=2100,
        points=[
            ValidationPoint(
                step=step, epoch=step / 4000, examples=8 * step, training_loss=trained, validation_loss=loss
            )
            for step, trained, loss in ((0, None, 2.81), (100, 2.61, 2.43), (200, 2.412, 2.5123))
        ],
        kept=100,
        reason="lowest validation loss",
        planned_steps=400,
        stopped_early=True,
    ),
    "chosen": Chosen(
        among=12,
        settings={"training.learning_rate": 1e-4, "lora.r": 16},
        rows=32,
        dataset=DATASET,
        sweep="8" * 64,
    ),
}
BASE = Pin(type="model", repo="meta-llama/Meta-Llama-3-8B", revision="b" * 40)
ADAPTER = Pin(type="model", repo="ns/Llama-3-Titles", revision="a" * 40)


def dataset_record() -> DatasetRecord:
    lengths = Distribution(
        unit="characters",
        mean=120.5,
        median=100.0,
        p95=390.0,
        maximum=1234,
        edges=[0, 50, 100, 200, 400, 800, 1600, 3200, 6400],
        counts=[0, 1, 3, 4, 1, 1, 0, 0, 0],
    )
    files = {
        name: [File(path=f"data/{name}-00000-of-00001.parquet", bytes=500, sha256="f" * 64)]
        for name in ("train", "validation", "test")
    }
    rows = {"train": 8, "validation": 1, "test": 1}
    source = Source(
        files=[SourceFile(name="trn.json.gz", bytes=1000, sha256="e" * 64, lines=15)], lines=15, missing=None
    )
    return DatasetRecord(
        key="1" * 64,
        code=CODE,
        source=source,
        data=Data(),
        prompt=Prompt(),
        published=10,
        dropped={"duplicate": 1, "empty_content": 3},
        quarantined={"not_json": 1},
        cleaned={"unescape_entities": 4},
        product_kinds={"asin": 6, "isbn": 4},
        near_duplicates=2,
        splits={
            name: Split(
                rows=rows[name],
                groups=rows[name],
                largest_group=1,
                files=files[name],
                output_length=lengths,
                bytes_in_memory=100 * rows[name],
            )
            for name in rows
        },
        leakage={
            "test": Leakage(rows=1, shared_titles=0, shared_outputs=0, near_duplicates=0),
            "validation": Leakage(rows=1, shared_titles=0, shared_outputs=0, near_duplicates=0),
        },
        example={
            "uid": "0001360000",
            "title": "Mog's Kittens",
            "instruction": "Describe …",
            "input": "Question: …",
            "output": "A cat.",
        },
    )


def training_record(licence: str) -> TrainingRecord:
    licences = {
        "llama3": Licence(id="llama3", name=None, link="https://www.llama.com/llama3/license/", warning=None),
        "other": Licence(
            id="other", name="unknown", link=None, warning="the card of ns/base states no licence: ask its authors."
        ),
    }
    return TrainingRecord(
        key="2" * 64,
        code=CODE,
        dataset=DATASET,
        base=BASE,
        licence=licences[licence],
        base_settings=Base(),
        lora=Lora(target_modules=list(SEVEN_PROJECTIONS)),
        training=Training(max_steps=200, learning_rate=1e-4),
        generation=Generation(),
        precision="bfloat16",
        quantization="nf4",
        quantization_note=None,
        attention="sdpa",
        fused_kernels="none",
        memory_note=None,
        trainable_parameters=41_943_040,
        base_parameters=8_030_261_248,
        special_tokens={"bos": "<|begin_of_text|>", "eos": "<|end_of_text|>", "pad": "<|reserved_special_token_250|>"},
        steps=200,
        epochs=0.0013,
        examples=Examples(
            available=1_200_000,
            seen=1600,
            distinct_seen=1600,
            tokens_seen=400_000,
            completion_tokens_seen=250_000,
            truncated=3,
            left_out=0,
        ),
        loss=Losses(first=2.9, last=2.4),
        checks=[Check(name="one BOS", expected="256", found="256", holds=True)],
        files=[File(path="adapter_model.safetensors", bytes=167_832_240, sha256="c" * 64)],
        measured=Measured(
            device="NVIDIA H200",
            wall_seconds=321.5,
            tokens_per_second=1244.2,
            peak_gpu_memory_gb=9.9,
            peak_process_memory_gb=6.1,
            energy_kwh=None,
        ),
        **(WRITTEN_DOWN_LATER if licence == "llama3" else {}),
    )

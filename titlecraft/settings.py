"""The recipe: documented dataclasses that are `--help`, the YAML under recipes/ and the tables on the cards, all in one.

A recipe is everything that decides what a run computes, and nothing that says where things lie (repos, paths, tokens).
Each stage reads its own sections: build `data` and `prompt`; train `base`, `lora` and `training`; evaluate `evaluation`
and `generation`. The prompt that train and evaluate use comes from the dataset that they pin, never from here.
"""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from msgspec import Meta

# Every number has both bounds: what is beyond them is a slip of the keyboard, and no library says so in one line
Count = Annotated[int, Meta(ge=1, le=10**9)]
Whole = Annotated[int, Meta(ge=0, le=10**9)]
Share = Annotated[float, Meta(ge=0, lt=1)]
Seed = Annotated[int, Meta(ge=0, le=2**32 - 1)]  # numpy, which transformers seeds too, takes no larger one
Key = Annotated[int, Meta(ge=0, le=2**63 - 1)]  # of hashes and of numpy's newer generators

BM25 = "bm25"  # the retriever that needs no model
MAX_LOSS = 0.2  # share of a catalogue's lines that may be quarantined; no setting of a recipe, since it changes no row
RENAMED = {
    "data.copies": "data.max_titles_per_description",
    "evaluation.also": "evaluation.benchmarks",
}
"""Earlier name of a setting -> its name. Recipes and options may use the earlier name until version 0.3."""

SEVEN_PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True)
class Data:
    """What becomes of the catalogue's rows.

    Args:
        title_column: JSON key of the product's title.
        content_column: JSON key of the product's description.
        uid_column: JSON key of the product's identifier (the ASIN in AmazonTitles-1.3MM), a text or a whole number.
        minimum_characters: descriptions shorter than this, after cleaning, are dropped as `too_short`.
        max_titles_per_description: one description is kept under at most this many titles; further rows are dropped as `repeated_content`.
        near_duplicates: put rows with nearly the same description (Jaccard similarity 0.8 of their runs of five words)
            into the same split, and measure how many are left across splits; takes about a third of the time.
        limit: publish about this many rows, sampled by hash over the whole file, never its head; unset publishes all.
        validation_share: share of the groups of rows that goes to the validation split.
        test_share: share of the groups of rows that goes to the test split.
        seed: key of the hash that assigns groups to splits and to the sample.
        rows_per_shard: most rows in one parquet file.
    """

    title_column: str = "title"
    content_column: str = "content"
    uid_column: str = "uid"
    minimum_characters: Whole = 20
    max_titles_per_description: Count = 5
    near_duplicates: bool = True
    limit: Annotated[int, Meta(ge=1, le=10**12)] | None = None
    validation_share: Share = 0.01
    test_share: Share = 0.01
    seed: Key = 7
    rows_per_shard: Count = 250_000


@dataclass(frozen=True)
class Prompt:
    """What the model is asked. Published with the dataset as prompt.json; later stages read it from there.

    Args:
        product_word: what the products are called; fills {product}. The original notebook said "book". "auto" says "book"
            where the uid is an ISBN and "product" elsewhere.
        instruction: the Alpaca instruction; may hold {product}, and no other braces.
        question: the Alpaca input; holds {title} once, may hold {product}, and no other braces.
        other_questions: further wordings of the question; each row is asked one of them all, by a choice seeded with
            data.seed.
    """

    product_word: str = "product"
    instruction: str = "Describe {product} as accurately as possible."
    question: str = "Question: Could you give me a description of the {product} '{title}'?"
    other_questions: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Base:
    """The base model, and how it is loaded for training and for evaluation alike.

    Args:
        repo: Hub id of a causal language model.
        revision: branch, tag or commit of the base; it is pinned to its 40-hex commit before anything is read.
        quantization: "nf4" loads 4-bit NormalFloat with double quantisation (QLoRA, Dettmers et al. 2023); "none" does not.
        max_length: most tokens of one example, prompt and completion together; longer completions are cut at the end.
    """

    repo: str = "unsloth/llama-3-8b-bnb-4bit"
    revision: str = "main"
    quantization: Literal["nf4", "none"] = "nf4"
    max_length: Annotated[int, Meta(ge=1, le=10**7)] = 2048


@dataclass(frozen=True)
class Lora:
    """The adapter (LoRA, Hu et al. 2021).

    Args:
        r: rank of the two factors of each update.
        alpha: the update is scaled by alpha / r.
        dropout: probability of dropping an input of the update while training.
        target_modules: names of the linear layers that get an update.
    """

    r: Annotated[int, Meta(ge=1, le=2**16)] = 16
    alpha: Annotated[int, Meta(ge=1, le=10**6)] = 32
    dropout: Annotated[float, Meta(ge=0, le=0.99)] = 0.05
    target_modules: Annotated[list[str], Meta(min_length=1)] = field(default_factory=lambda: list(SEVEN_PROJECTIONS))


@dataclass(frozen=True)
class Training:
    """How the adapter is trained.

    Args:
        backend: "unsloth" (consumer GPUs; the notebook's) or "trl" (TRL + PEFT + bitsandbytes; everywhere).
        batch_size: examples of one forward pass on one device. On N devices (`torchrun`) a step takes N times as many; the
            plan of `--dry-run` and training.fit_memory are about one device.
        accumulation: forward passes per optimizer step.
        max_steps: optimizer steps; null trains for `epochs` instead.
        epochs: passes over the training split where max_steps is null.
        learning_rate: peak learning rate.
        schedule: shape of the learning rate after warm-up, by its name in transformers.
        warmup_steps: steps over which the learning rate rises from zero.
        optimizer: AdamW by its name in transformers; "8bit" keeps its state in 8 bit (bitsandbytes).
        weight_decay: decoupled weight decay.
        precision: "auto" takes bfloat16 where a GPU supports it, else float16 on a GPU, else float32.
        gradient_checkpointing: recompute activations in the backward pass: less memory, more time.
        packing: put several examples into each row of base.max_length tokens, best-fit decreasing, so that nothing is
            padding; `batch_size` then counts rows, and no example attends to another. For backend "trl".
        fused_kernels: on a CUDA GPU, frozen layer and adapter as one operation, Liger's layer kernels (Hsu et al. 2024), and
            the loss over answers alone; elsewhere the same is computed plainly. For backend "trl".
        shard_base: with several processes, share the frozen base out between them (FSDP), for one that does not fit a GPU;
            the adapter stays the same. Layers are computed without fused kernels then. For backend "trl".
        fit_memory: choose gradient_checkpointing, batch_size and accumulation anew, the fastest that the GPU's free memory
            holds; their product batch_size x accumulation stays.
        logging_steps: a line of training_log.jsonl every so many steps.
        seed: seeds the adapter's initial weights, the data order and dropout.
    """

    backend: Literal["unsloth", "trl"] = "unsloth"
    batch_size: Count = 2
    accumulation: Count = 4
    max_steps: Count | None = 100
    epochs: Annotated[float, Meta(gt=0, le=1e6)] = 1.0
    learning_rate: Annotated[float, Meta(ge=1e-12, le=1e3)] = 2e-4
    schedule: Literal["linear", "cosine", "constant", "constant_with_warmup"] = "linear"
    warmup_steps: Whole = 5
    optimizer: Literal["adamw_8bit", "paged_adamw_8bit", "adamw_torch", "adamw_torch_fused"] = "adamw_8bit"
    weight_decay: Annotated[float, Meta(ge=0, le=1e3)] = 0.01
    precision: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    gradient_checkpointing: bool = True
    packing: bool = False
    fused_kernels: bool = False
    shard_base: bool = False
    fit_memory: bool = False
    logging_steps: Count = 1
    seed: Seed = 3407


@dataclass(frozen=True)
class Generation:
    """How a published adapter is asked by its users. The evaluation decodes greedily with the same number of new tokens.

    Args:
        max_new_tokens: most tokens of an answer.
        temperature: divides the logits before sampling.
        top_k: sample among this many likeliest tokens.
        top_p: sample among the likeliest tokens that hold this much probability (Holtzman et al. 2020).
    """

    max_new_tokens: Annotated[int, Meta(ge=1, le=10**6)] = 256
    temperature: Annotated[float, Meta(ge=1e-3, le=100)] = 0.7
    top_k: Whole = 50
    top_p: Annotated[float, Meta(gt=0, le=1)] = 0.95


@dataclass(frozen=True)
class Evaluation:
    """The before/after experiment, fixed before anything is looked at.

    Args:
        titles: how many titles of the test split, drawn at random by `seed`.
        primary: the measure that answers the question; the others describe.
        batch_size: prompts of one forward pass; part of the experiment, since it changes the last bits of a score.
        confidence: coverage of the intervals; p-values are compared with what is left of 1.
        resamples: bootstrap resamples behind an interval.
        sampled: decode so many answers to each title by sampling too, as `generation` says, and report them in a block of
            their own; 0 decodes greedily only.
        benchmarks: standard benchmarks of lighteval with choices, such as "lighteval|arc:easy|0" (task, and how many examples stand
            in front of a question), before and after: what was forgotten.
        retriever: "bm25", or a text encoder NAMESPACE/NAME[@REVISION] of the Hub, which ranks titles in a measure of its own
            beside BM25's (specificity_embedding).
        bertscore: a text encoder NAMESPACE/NAME[@REVISION] of the Hub for BERTScore recall beside the lexical recall; null for
            none. Both are pinned to their commits.
        grounded: ask the tuned model once more with rows of the training split in its prompt, and report it against the tuned
            model without them, in a block of its own.
        seed: draws the titles, their distractors, the order of shuffled sentences, sampled answers, and the resamples.
    """

    titles: Annotated[int, Meta(ge=20, le=10**9)] = 1000
    primary: str = "nll_per_token"
    batch_size: Count = 128
    confidence: Annotated[float, Meta(ge=0.01, le=0.9999)] = 0.95
    resamples: Annotated[int, Meta(ge=1, le=10**6)] = 10_000
    sampled: Annotated[int, Meta(ge=0, le=1000)] = 0
    benchmarks: list[str] = field(default_factory=list)
    retriever: str = BM25
    bertscore: str | None = None
    grounded: bool = False
    seed: Key = 7

    @property
    def level(self) -> float:
        """1 − confidence: how often a difference may be claimed where there is none."""
        return round(1 - self.confidence, 12)


@dataclass(frozen=True)
class Recipe:
    """One section for each group of settings."""

    data: Data = field(default_factory=Data)
    prompt: Prompt = field(default_factory=Prompt)
    base: Base = field(default_factory=Base)
    lora: Lora = field(default_factory=Lora)
    training: Training = field(default_factory=Training)
    generation: Generation = field(default_factory=Generation)
    evaluation: Evaluation = field(default_factory=Evaluation)

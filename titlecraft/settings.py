"""The settings of a recipe as dataclasses. Their docstrings are the text of `--help`.

A recipe holds all settings that decide the result of a run; repos, paths and tokens are options of the verbs. Each
stage reads its own sections: build reads `data` and `prompt`, train reads `base`, `lora` and `training`, and evaluate
reads `evaluation` and `generation`. Train takes the prompt's wording from the pinned dataset, and `prompt.format`; evaluate
takes both from the adapter.
"""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from msgspec import Meta

# Every number has a lower and an upper bound, so that a typing error gets a one-line message.
Count = Annotated[int, Meta(ge=1, le=10**9)]
Whole = Annotated[int, Meta(ge=0, le=10**9)]
Share = Annotated[float, Meta(ge=0, lt=1)]
Seed = Annotated[int, Meta(ge=0, le=2**32 - 1)]  # the range of numpy.random.seed
Key = Annotated[int, Meta(ge=0, le=2**63 - 1)]  # keys of hashes, seeds of numpy.random.default_rng

BM25 = "bm25"  # the retriever that needs no model
MAX_LOSS = 0.2  # largest share of a catalogue's lines in quarantine; an option of build, because it changes no row
RENAMED = {
    "data.copies": "data.max_titles_per_description",
    "evaluation.also": "evaluation.benchmarks",
}
"""Earlier name of a setting -> its name. Recipes and options may use the earlier name until version 0.3."""

SEVEN_PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True)
class Data:
    """How rows of the catalogue are cleaned, deduplicated and split.

    Args:
        title_column: column of the product's title: a JSON key, the name of a table's column, or a dotted path such as
            product.title. A list of texts is joined by line breaks.
        content_column: column of the product's description.
        uid_column: column of the product's identifier (the ASIN in AmazonTitles-1.3MM), a text or a whole number.
        content_columns: columns that together make the description, in this order, instead of content_column.
        keep_columns: further columns to publish; {NAME} in a prompt is filled with a row's own value.
        records: dotted path of the list that holds the rows inside a JSON document, such as products; the name of a row's element
            in XML.
        minimum_characters: minimum length of a cleaned description; shorter ones are dropped as
            `too_short`. An East Asian letter counts as two.
        max_titles_per_description: maximum number of titles with the same description; further rows are dropped as
            `repeated_content`.
        near_duplicates: "group" puts near-duplicate descriptions (Jaccard similarity of word 5-grams at least 0.8; in
            scripts without spaces, of letter 5-grams) into the same split, and measures how many remain across splits. "drop"
            keeps the first row of each group of near-duplicates, and drops the others as `near_duplicate`. "off" does not search
            for them, which saves about a third of the build time. true means "group", false "off".
        limit: approximate number of rows to publish, sampled by hash over the whole file; unset publishes all rows.
        validation_share: share of row groups in the validation split.
        test_share: share of row groups in the test split.
        minimum_test_rows: minimum number of rows in the test split; test_share is raised until it has them.
        filters: names of filters on what descriptions are about, for English catalogues of books mostly; each drops rows under
            its own name. "praise": mostly quoted praise. "biography": about the author or publisher. "review": of the trade press.
            "short": fewer than 60 characters. docs/en/building.md has their rules and how often they are right.
        quarantine: what is published of a malformed line besides its position and reason: the configured columns, as far
            as they can be read, or also the raw line.
        structure: "lines" keeps a description's lines: paragraphs, rows and items of its HTML become lines, items with `- ` before
            them. "flat" makes one line of it.
        encoding: encoding of a catalogue that is text and not UTF-8, by its name in Python, such as utf-16, latin-1, cp1252, gb18030.
        seed: seed of the hash that samples rows and assigns groups to splits.
        rows_per_shard: maximum number of rows in one parquet file.
    """

    title_column: str = "title"
    content_column: str = "content"
    uid_column: str = "uid"
    minimum_characters: Whole = 20
    max_titles_per_description: Count = 5
    near_duplicates: Literal["group", "drop", "off"] | bool = True
    limit: Annotated[int, Meta(ge=1, le=10**12)] | None = None
    validation_share: Share = 0.01
    test_share: Share = 0.01
    seed: Key = 7
    rows_per_shard: Count = 250_000
    content_columns: list[str] = field(default_factory=list)
    keep_columns: list[str] = field(default_factory=list)
    records: str | None = None
    minimum_test_rows: Whole = 0
    quarantine: Literal["columns", "raw"] = "columns"
    structure: Literal["lines", "flat"] = "lines"
    encoding: str = "utf-8"
    filters: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Keep "group" as True and "off" as False, as records had them before there was "drop"."""
        words: dict[object, bool] = {"group": True, "off": False}
        object.__setattr__(self, "near_duplicates", words.get(self.near_duplicates, self.near_duplicates))


@dataclass(frozen=True)
class Prompt:
    """The prompt template. It is published with the dataset as prompt.json, where later stages read it.

    Args:
        product_word: the noun for {product}. "auto" takes "book" for products whose uid is an ISBN, and "product" for
            others. The original notebook used "book".
        instruction: the Alpaca instruction; {product} and the columns of data.keep_columns are its placeholders, all optional.
        question: the Alpaca input, with {title} exactly once; {product} and the columns of data.keep_columns are optional, other
            placeholders are refused.
        other_questions: alternative wordings of the question; each row gets one wording, drawn with data.seed.
        format: what training puts around the question: "alpaca" is Stanford Alpaca's template, "chat" the base's own chat
            template, and "auto" takes the chat template if the base has one. The adapter's record says which it was.
    """

    product_word: str = "product"
    instruction: str = "Describe {product} as accurately as possible."
    question: str = "Question: Could you give me a description of the {product} '{title}'?"
    other_questions: list[str] = field(default_factory=list)
    format: Literal["auto", "alpaca", "chat"] = "auto"


@dataclass(frozen=True)
class Base:
    """The base model and how it is loaded, for training and for evaluation.

    Args:
        repo: Hub id of a causal language model.
        revision: branch, tag or commit of the base; it is resolved to a 40-hex commit first.
        quantization: "nf4" loads 4-bit NormalFloat weights with double quantisation (QLoRA, Dettmers et al. 2023); "none"
            loads weights without quantisation; "auto" is "nf4" on a GPU and "none" on a CPU, where 4 bit is slower.
        max_length: maximum number of tokens of an example, prompt plus completion; see training.long_answers.
    """

    repo: str = "unsloth/llama-3-8b-bnb-4bit"
    revision: str = "main"
    quantization: Literal["auto", "nf4", "none"] = "auto"
    max_length: Annotated[int, Meta(ge=1, le=10**7)] = 2048


@dataclass(frozen=True)
class Lora:
    """The adapter (LoRA, Hu et al. 2021).

    Args:
        r: rank of the update matrices.
        alpha: scaling numerator: updates are multiplied by alpha / r.
        dropout: dropout probability on the inputs of the updates during training.
        target_modules: names of the adapted linear layers; unset takes all linear layers of the base but its output head, by
            the names that its family gives them.
        variant: "rslora" divides alpha by the square root of r (Kalajdzievski 2023), which large r need. "dora" trains the
            magnitude of each row of a weight beside its direction (Liu et al. 2024); it is slower, since its layers are not
            fused. Backend "unsloth" has no dora.
        init: how the adapter starts: "default" with an update of zero, "pissa" with the largest singular values of the weights
            (Meng et al. 2024), "olora" with a QR decomposition of them (Büyükakyüz 2024), "loftq" with what 4-bit weights lost
            (Li et al. 2023). pissa and olora need a base that is not quantised, loftq one that is loaded in 4 bit from full
            precision. The adapter of pissa or olora is published for the unchanged base, with rank 2 r. Backend "trl" only.
    """

    r: Annotated[int, Meta(ge=1, le=2**16)] = 16
    alpha: Annotated[int, Meta(ge=1, le=10**6)] = 32
    dropout: Annotated[float, Meta(ge=0, le=0.99)] = 0.05
    target_modules: Annotated[list[str], Meta(min_length=1)] | None = None
    variant: Literal["lora", "rslora", "dora"] = "lora"
    init: Literal["default", "pissa", "olora", "loftq"] = "default"

    @property
    def changes_base(self) -> bool:
        """Whether the adapter takes its initial weights out of the base's, so that it is published with twice the rank."""
        return self.init in ("pissa", "olora")

    @property
    def published_r(self) -> int:
        """Rank of the published factors."""
        return 2 * self.r if self.changes_base else self.r

    @property
    def published_alpha(self) -> float:
        """lora_alpha of the published adapter, which has the scale of the trained one."""
        if not self.changes_base:
            return self.alpha
        return self.alpha * 2**0.5 if self.variant == "rslora" else self.alpha * 2


@dataclass(frozen=True)
class Training:
    """How the adapter is trained.

    Args:
        backend: "unsloth" (consumer GPUs; as in the original notebook) or "trl" (TRL + PEFT + bitsandbytes; any device).
        batch_size: examples per forward pass and device. With N devices (`torchrun`) a step has N times as many examples;
            the plan of `--dry-run` and training.fit_memory count one device.
        accumulation: gradient accumulation steps per optimizer step.
        max_steps: number of optimizer steps; null trains for `epochs` instead.
        epochs: passes over the training split if max_steps is null.
        learning_rate: peak learning rate.
        schedule: learning rate schedule after warm-up, by its name in transformers.
        warmup_steps: steps of linear warm-up from zero.
        optimizer: AdamW by its name in transformers; "8bit" keeps its state in 8 bit (bitsandbytes).
        weight_decay: decoupled weight decay.
        precision: "auto" is bfloat16 on a GPU that supports it, float16 on other GPUs, and float32 on a CPU.
        gradient_checkpointing: recompute activations in the backward pass, which saves memory and takes longer.
        packing: pack examples into rows of base.max_length tokens (best-fit decreasing), without padding; `batch_size` then
            counts rows, and examples do not attend to each other. Backend "trl" only.
        fused_kernels: compute logits of answer tokens only, fuse frozen layer and adapter, and use Liger's layer kernels (Hsu et
            al. 2024) on a CUDA GPU; on a CPU compute no padding. Backend "trl" only.
        shard_base: shard the frozen base across processes (FSDP), for a base that exceeds one GPU; the adapter is not
            sharded, and layers run without fused kernels. Backend "trl" only.
        fit_memory: choose the fastest gradient_checkpointing, batch_size and accumulation that fit the GPU's free memory; the
            product batch_size x accumulation stays the same.
        long_answers: what happens to a row that has more than base.max_length tokens. "drop" leaves it out. "truncate" cuts
            its answer, which then has no end token: a model that sees many of these learns not to stop. "keep_eos" cuts it and
            keeps the end token. Rows are counted in each case.
        validate_every: steps between two measurements of the loss on rows of the validation split; less than 1 is a share of
            an epoch, and 0 measures none. Null measures about ten times, less often and on fewer rows in a short run, so that
            validation takes at most 3 % of it. The loss is measured before the first step and after the last one, too.
        validation_rows: maximum number of these rows, drawn with training.seed; with validate_every null a short run takes
            fewer.
        keep: which weights are published: "best" takes those of the step with the lowest loss on the validation rows, "last"
            those of the last step. Without validation the last step is published.
        patience: number of validations in a row without a lower loss after which training stops; null trains all steps.
        neftune_noise_alpha: add uniform noise of at most this over the square root of (tokens of a row x hidden size) to the
            embeddings in training (NEFTune, Jain et al. 2023); null adds none. Backend "trl" only.
        logging_steps: steps between two lines of training_log.jsonl.
        seed: seed of the adapter's initial weights, the data order, dropout and the validation rows.
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
    long_answers: Literal["drop", "truncate", "keep_eos"] = "drop"
    validate_every: Annotated[float, Meta(ge=0, le=1e9)] | None = None
    validation_rows: Whole = 512
    keep: Literal["best", "last"] = "best"
    patience: Count | None = None
    neftune_noise_alpha: Annotated[float, Meta(gt=0, le=1e4)] | None = None
    logging_steps: Count = 1
    seed: Seed = 3407


@dataclass(frozen=True)
class Generation:
    """Sampling settings of a published adapter. The evaluation decodes greedily with the same max_new_tokens.

    Args:
        max_new_tokens: maximum number of generated tokens.
        temperature: divisor of the logits before sampling.
        top_k: number of most likely tokens to sample from.
        top_p: cumulative probability of the most likely tokens to sample from (nucleus sampling, Holtzman et al. 2020).
    """

    max_new_tokens: Annotated[int, Meta(ge=1, le=10**6)] = 256
    temperature: Annotated[float, Meta(ge=1e-3, le=100)] = 0.7
    top_k: Whole = 50
    top_p: Annotated[float, Meta(gt=0, le=1)] = 0.95


@dataclass(frozen=True)
class Evaluation:
    """The before/after experiment, fixed in advance.

    Args:
        titles: number of titles, drawn at random from the test split with `seed`.
        primary: the primary measure; the other measures are secondary.
        batch_size: prompts per forward pass; part of the experiment, because it changes the last bits of a score.
        confidence: coverage of the confidence intervals; the significance level is 1 - confidence.
        resamples: number of bootstrap resamples per interval.
        sampled: number of sampled answers per title, drawn with the settings of `generation` and reported in a block of
            their own; 0 decodes greedily only.
        benchmarks: multiple-choice benchmarks of lighteval, such as "lighteval|arc:easy|0" (task and number of few-shot
            examples), run before and after to measure forgetting.
        retriever: "bm25", or a text encoder NAMESPACE/NAME[@REVISION] on the Hub, which adds the measure
            specificity_embedding beside that of BM25.
        bertscore: a text encoder NAMESPACE/NAME[@REVISION] on the Hub for BERTScore recall; null leaves it out. Encoders are
            pinned to their commits.
        grounded: also generate with retrieved rows of the training split in the prompt of the tuned model, and compare with
            the tuned model without them, in a block of its own.
        seed: seed of titles, distractors, shuffled sentences, sampled answers and resamples.
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
        """The significance level, 1 − confidence."""
        return round(1 - self.confidence, 12)


@dataclass(frozen=True)
class Recipe:
    """All settings, by section."""

    data: Data = field(default_factory=Data)
    prompt: Prompt = field(default_factory=Prompt)
    base: Base = field(default_factory=Base)
    lora: Lora = field(default_factory=Lora)
    training: Training = field(default_factory=Training)
    generation: Generation = field(default_factory=Generation)
    evaluation: Evaluation = field(default_factory=Evaluation)

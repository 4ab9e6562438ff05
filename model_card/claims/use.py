"""Claims of the card's sections summary, quick start, prompt, and use and limits."""

from typing import Any

from model_card.claims.claim import Claim
from titlecraft.settings import Prompt

AMAZON_TITLES = "dataset.source.expected_lines"  # not null if the source was recognised as trn.json
BASE, DATASET = "training.base", "training.dataset"
# the decoding settings of the recipe
SAMPLING = {name: f"training.generation.{name}" for name in ("max_new_tokens", "temperature", "top_k", "top_p")}


def built_with(values: dict[str, Any]) -> dict[str, Any] | None:
    """The model name that Llama licences require on the card; None for other licences."""
    if not values["licence"].startswith("llama3"):
        return None
    return {"what": "Meta Llama 3" if values["licence"] == "llama3" else "Llama"}


def several_wordings(values: dict[str, Any]) -> dict[str, Any] | None:
    """The number of wordings of the question in the dataset; None if there is one."""
    return {"wordings": 1 + len(values["others"])} if values["others"] else None


def one_wording(values: dict[str, Any]) -> dict[str, Any]:
    """A sentence that the adapter was trained on one prompt only; empty if the dataset has several wordings."""
    several = values["others"] or values["word"] == "auto"
    return {"only": "" if several else " The adapter was trained on this prompt only."}


def asked_how(values: dict[str, Any]) -> dict[str, Any]:
    """The language is known for Titlecraft's default wordings, which are English; a recipe may use any language."""
    default = Prompt()
    wordings = (values["instruction"], values["question"], values["others"])
    if wordings == (default.instruction, default.question, default.other_questions):
        return {"how": "It was trained on English text with the prompt above.** Other languages and other prompts"}
    return {"how": "It was trained with the prompt above.** Other prompts and other languages"}


def padding(values: dict[str, Any]) -> dict[str, Any]:
    """Whether the padding token differs from EOS."""
    return {"apart": "not the EOS token" if values["pad"] != values["eos"] else "the same token as EOS"}


def python_text(values: dict[str, Any]) -> dict[str, Any] | None:
    """The prompt, escaped for a triple-quoted Python string; nothing for a prompt that a chat template renders."""
    if values["format"] == "chat":
        return None
    text = values["prompt"].replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return {"literal": text[:-1] + '\\"' if text.endswith('"') else text}


def beginning(values: dict[str, Any]) -> dict[str, Any]:
    """Who writes BOS: the tokenizer in front of a text, or the chat template in it, if it has one."""
    if values["format"] == "alpaca":
        return {"how": "once, at the start. The tokenizer in this repo adds it."}
    if values["text"].startswith(values["bos"]):
        return {"how": "once, at the start. The chat template writes it: do not let the tokenizer add another."}
    return {"how": "not used in front of a prompt, because the chat template writes none there."}


VLLM_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)  # that vLLM takes as --max-lora-rank


def vllm_options(values: dict[str, Any]) -> dict[str, Any] | None:
    """The name and the largest rank for vLLM; None for a rank that vLLM does not take."""
    rank = next((rank for rank in VLLM_RANKS if rank >= values["r"]), None)
    return {"rank": rank, "name": values["repo"].rpartition("/")[2]} if rank else None


FORMATS_IN_WORDS = {"alpaca": "Stanford Alpaca's", "chat": "the base's own chat template"}

USE = (
    Claim("summary.built-with", "summary", "**Built with {what}.**", {"licence": "training.licence.id"}, derive=built_with),
    Claim(
        "summary.adapter", "summary",
        "A LoRA adapter for [{base}](/{base}) that {task}. It was trained on "
        "[{dataset}](/datasets/{dataset}).",
        {"base": f"{BASE}.repo", "dataset": f"{DATASET}.repo", "task": "prompt.task"},
    ),
    Claim(
        "quick-start.base", "quick-start",
        'base = AutoModelForCausalLM.from_pretrained(\n    "{base}", revision="{revision}", trust_remote_code=False\n)',
        {"base": f"{BASE}.repo", "revision": f"{BASE}.revision"},
    ),
    Claim(
        "quick-start.adapter", "quick-start",
        'model = PeftModel.from_pretrained(base, "{repo}", revision="{revision}")\n'
        'tokenizer = AutoTokenizer.from_pretrained(\n    "{repo}", revision="{revision}", trust_remote_code=False\n)',
        {"repo": "repo.id", "revision": "report.adapter.revision"},
    ),
    Claim(
        "quick-start.newest", "quick-start",
        'model = PeftModel.from_pretrained(base, "{repo}")\ntokenizer = AutoTokenizer.from_pretrained("{repo}", trust_remote_code=False)',
        {"repo": "repo.id"},
    ),
    Claim(
        "quick-start.titlecraft", "quick-start",
        'With Titlecraft, `titlecraft ask "TITLE" --both --adapter {repo}` answers with and without the adapter and shows the '
        "dataset rows that are closest to the question. `titlecraft export --adapter {repo} --to merged` (transformers, vLLM) or "
        "`--to gguf` (llama.cpp) makes a model that does not need PEFT. The merge is computed in float32, never in 4 bit, and the "
        "exported model's card reports the difference in NLL. `titlecraft serve --adapter {repo}` serves the adapter and its base with OpenAI's interface.",
        {"repo": "repo.id"},
    ),
    Claim(
        "quick-start.vllm", "quick-start",
        "vllm serve {base} --revision {revision} \\\n    --tokenizer {repo} \\\n    --enable-lora --max-lora-rank {rank} --lora-modules {name}={repo}",
        {"base": f"{BASE}.repo", "revision": f"{BASE}.revision", "repo": "repo.id", "r": "training.lora.r", "template": "prompt.template"},
        derive=vllm_options,
    ),
    Claim("quick-start.prompt", "quick-start", 'prompt = """{literal}"""', {"prompt": "prompt.example", "format": "prompt.format"}, derive=python_text),
    Claim("quick-start.message", "quick-start", "message = {{\"role\": \"user\", \"content\": \"{title}\"}}", {"title": "prompt.message"}),
    Claim(
        "quick-start.generate", "quick-start",
        "tokens = model.generate(\n    **inputs,\n    max_new_tokens={max_new_tokens},\n    do_sample=True,\n"
        "    temperature={temperature},\n    top_k={top_k},\n    top_p={top_p},\n)",
        SAMPLING,
    ),
    Claim(
        "prompt.how", "prompt",
        "Use exactly this prompt, with the product title in place of `{{title}}`.{only}",
        {"others": "dataset.prompt.other_questions", "word": "dataset.prompt.product_word"},
        derive=one_wording,
    ),
    Claim(
        "prompt.how-without-record", "prompt", "Use exactly this prompt, with the {subject} in place of `{{title}}`.",
        {"text": "prompt.with_title", "subject": "prompt.subject"},
    ),
    Claim("prompt.text", "prompt", "{text}", {"text": "prompt.with_title"}),
    Claim(
        "prompt.end", "prompt", "The prompt ends with a newline.", {"text": "prompt.with_title"},
        derive=lambda values: {} if values["text"].endswith("\n") else None,
    ),
    Claim(
        "prompt.wordings", "prompt",
        "The dataset uses {wordings} wordings of the question; this is the first.",
        {"others": "dataset.prompt.other_questions"}, derive=several_wordings,
    ),
    Claim(
        "prompt.product-word", "prompt", "Rows about books (those with an ISBN) say \"book\" instead of \"product\".",
        {"word": "dataset.prompt.product_word", "kinds": "dataset.product_kinds"},
        derive=lambda values: {} if values["word"] == "auto" and values["kinds"].get("isbn") else None,
    ),
    Claim(
        "prompt.format", "prompt", "- Format: `{format}`, {words} ({reason}).",
        {"format": "training.trained_prompt.prompt.format", "reason": "training.trained_prompt.reason"},
        derive=lambda values: {"words": FORMATS_IN_WORDS[values["format"]]},
    ),
    Claim(
        "prompt.template", "prompt",
        "- The tokenizer's chat template, `{template}`, gives exactly these tokens: `tokenizer.apply_chat_template("
        '[{{"role": "user", "content": TITLE}}], add_generation_prompt=True)`.',
        {"template": "prompt.template"},
    ),
    Claim(
        "prompt.bos", "prompt", "- Beginning of sequence (BOS): `{bos:code}`, {how}",
        {"bos": "training.special_tokens.bos", "format": "prompt.format", "text": "prompt.with_title"}, derive=beginning, otherwise="- Beginning of sequence (BOS): none on record.",
    ),
    Claim(
        "prompt.eos", "prompt", "- End of sequence (EOS): `{eos:code}`. In training, it follows every answer that was not truncated.",
        {"eos": "training.special_tokens.eos"}, otherwise="- End of sequence (EOS): none on record.",
    ),
    Claim(
        "prompt.pad", "prompt", "- Padding: `{pad:code}`, {apart}.",
        {"pad": "training.special_tokens.pad", "eos": "training.special_tokens.eos"}, otherwise="- Padding: none on record.",
        derive=padding,
    ),
    Claim(
        "use.old-text", "use",
        "- **Its training data are old.** AmazonTitles-1.3MM was collected before 2014, so the adapter was not trained on newer products.",
        {"lines": AMAZON_TITLES},
        otherwise="- **The age of its training data is unknown.** It was not trained on products that came later.",
    ),
    Claim(
        "use.asked-in-english", "use",
        "- **{how} were not tested.",
        {"lines": AMAZON_TITLES, "instruction": "dataset.prompt.instruction", "question": "dataset.prompt.question",
         "others": "dataset.prompt.other_questions"}, derive=asked_how,
    ),
    Claim(
        "use.asked", "use", "- **It was trained with the prompt above.** Other prompts and other languages were not tested.",
        {"prompt": "prompt.with_title"},
    ),
    Claim(
        "prompt.length", "prompt", "- Maximum sequence length in training, prompt and answer together: {length:,} tokens.",
        {"length": "training.base_settings.max_length"},
    ),
)  # fmt: skip

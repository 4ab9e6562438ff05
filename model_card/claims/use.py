"""What the adapter is, how it is used, and what it was told: summary, quick start, prompt."""

from typing import Any

from model_card.claims.claim import Claim
from titlecraft.settings import Prompt

AMAZON_TITLES = "dataset.source.expected_lines"  # not null where the source was recognised as trn.json
BASE, DATASET = "training.base", "training.dataset"
# the decoding settings of the recipe
SAMPLING = {name: f"training.generation.{name}" for name in ("max_new_tokens", "temperature", "top_k", "top_p")}


def built_with(values: dict[str, Any]) -> dict[str, Any] | None:
    """What the licence of Llama 3 and later wants to be named; nothing for other licences."""
    if not values["licence"].startswith("llama3"):
        return None
    return {"what": "Meta Llama 3" if values["licence"] == "llama3" else "Llama"}


def several_wordings(values: dict[str, Any]) -> dict[str, Any] | None:
    """How many wordings of the question the rows have; nothing where there is one."""
    return {"wordings": 1 + len(values["others"])} if values["others"] else None


def one_wording(values: dict[str, Any]) -> dict[str, Any]:
    """Whether the adapter was told nothing but this prompt; no such sentence where rows ask in other words too."""
    several = values["others"] or values["word"] == "auto"
    return {"only": "" if several else " The adapter has seen nothing else."}


def asked_how(values: dict[str, Any]) -> dict[str, Any]:
    """English is named for the wordings that Titlecraft brings along; a recipe's own may be in any language."""
    default = Prompt()
    wordings = (values["instruction"], values["question"], values["others"])
    if wordings == (default.instruction, default.question, default.other_questions):
        return {"how": "It was asked in English, with the prompt above.** Other languages and other prompts"}
    return {"how": "It was trained with the prompt above.** Other prompts and other languages"}


def padding(values: dict[str, Any]) -> dict[str, Any]:
    """Whether the padding token is one of its own."""
    return {"apart": "another token than EOS" if values["pad"] != values["eos"] else "the EOS token as well"}


def python_text(values: dict[str, Any]) -> dict[str, Any]:
    """The prompt as it stands between the triple quotes of a program."""
    text = values["prompt"].replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return {"literal": text[:-1] + '\\"' if text.endswith('"') else text}


USE = (
    Claim("summary.built-with", "summary", "**Built with {what}.**", {"licence": "training.licence.id"}, derive=built_with),
    Claim(
        "summary.adapter", "summary",
        "A LoRA adapter for [{base}](/{base}). Given the title of a product, it writes a description of it. It was trained on "
        "[{dataset}](/datasets/{dataset}).",
        {"base": f"{BASE}.repo", "dataset": f"{DATASET}.repo"},
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
        'With Titlecraft: `titlecraft ask "TITLE" --adapter {repo}` answers with and without the adapter, and shows which rows of '
        "the data an answer could rest on. `titlecraft export --adapter {repo} --to merged` (transformers, vLLM) or `--to gguf` "
        "(llama.cpp) makes a model that needs no PEFT: the adapter is added in float32 to the base as it was trained on, never "
        "into 4 bit, and the difference in NLL is measured and written on the new model's card.",
        {"repo": "repo.id"},
    ),
    Claim("quick-start.prompt", "quick-start", 'prompt = """{literal}"""', {"prompt": "prompt.example"}, derive=python_text),
    Claim(
        "quick-start.generate", "quick-start",
        "tokens = model.generate(\n    **inputs,\n    max_new_tokens={max_new_tokens},\n    do_sample=True,\n"
        "    temperature={temperature},\n    top_k={top_k},\n    top_p={top_p},\n)",
        SAMPLING,
    ),
    Claim(
        "prompt.how", "prompt",
        "Ask exactly like this, with the product's title in place of `{{title}}`.{only}",
        {"others": "dataset.prompt.other_questions", "word": "dataset.prompt.product_word"},
        derive=one_wording,
    ),
    Claim(
        "prompt.how-without-record", "prompt", "Ask exactly like this, with the product's title in place of `{{title}}`.",
        {"text": "prompt.with_title"},
    ),
    Claim("prompt.text", "prompt", "{text}", {"text": "prompt.with_title"}),
    Claim(
        "prompt.end", "prompt", "The text ends with a line break.", {"text": "prompt.with_title"},
        derive=lambda values: {} if values["text"].endswith("\n") else None,
    ),
    Claim(
        "prompt.wordings", "prompt",
        "The rows of the dataset ask in {wordings} ways; this is the first of them.",
        {"others": "dataset.prompt.other_questions"}, derive=several_wordings,
    ),
    Claim(
        "prompt.product-word", "prompt", "Rows about books (their identifier is an ISBN) say \"book\" where others say \"product\".",
        {"word": "dataset.prompt.product_word", "kinds": "dataset.product_kinds"},
        derive=lambda values: {} if values["word"] == "auto" and values["kinds"].get("isbn") else None,
    ),
    Claim(
        "prompt.bos", "prompt", "- Begin of text (BOS): `{bos:code}`, once, in front. The tokenizer in this repo puts it there.",
        {"bos": "training.special_tokens.bos"}, otherwise="- Begin of text (BOS): the tokenizer has none on record.",
    ),
    Claim(
        "prompt.eos", "prompt", "- End of text (EOS): `{eos:code}`. It stands behind every answer of the training that was not cut.",
        {"eos": "training.special_tokens.eos"}, otherwise="- End of text (EOS): none on record.",
    ),
    Claim(
        "prompt.pad", "prompt", "- Padding: `{pad:code}`, {apart}.",
        {"pad": "training.special_tokens.pad", "eos": "training.special_tokens.eos"}, otherwise="- Padding: none on record.",
        derive=padding,
    ),
    Claim(
        "use.old-text", "use",
        "- **It knows old text only.** AmazonTitles-1.3MM, the catalogue that Titlecraft is made for, was collected before 2014. What\n"
        "  came later is unknown to it.",
        {"lines": AMAZON_TITLES},
        otherwise="- **How old the catalogue's texts are is not known.** What came later is unknown to it.",
    ),
    Claim(
        "use.asked-in-english", "use",
        "- **{how} were not tried.",
        {"lines": AMAZON_TITLES, "instruction": "dataset.prompt.instruction", "question": "dataset.prompt.question",
         "others": "dataset.prompt.other_questions"}, derive=asked_how,
    ),
    Claim(
        "use.asked", "use", "- **It was trained with the prompt above.** Other prompts and other languages were not tried.",
        {"prompt": "prompt.with_title"},
    ),
    Claim(
        "prompt.length", "prompt", "- In training, prompt and answer together had at most {length:,} tokens.",
        {"length": "training.base_settings.max_length"},
    ),
)  # fmt: skip

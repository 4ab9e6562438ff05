"""Names and patterns of the files in a published repo, by the check that compares them.

The tables stay as tables: one line per kind of file.
"""

TOKENIZER = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.json", "vocab.txt", "merges.txt", "tokenizer.model",
    "chat_template.jinja", "chat_template.json",
)  # fmt: skip
ADAPTER = ("adapter_model.safetensors", "adapter_config.json")
QUARANTINE = "quarantine/lines.jsonl"

BESIDE_REPORT = ("report.json", "timings.json", "report.html", "*.png")
"""Files in a report's folder that the report does not list."""

LOADED = {
    "model": (
        "*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.pickle", "*.h5", "*.msgpack", "*.gguf", "*.npz", "*.safetensors",
        "*.index.json", "*.py", "config.json", "generation_config.json",
        "adapter_config*", "*/adapter_config.json", "processor_config.json", "preprocessor_config.json",
        "tokenizer*", "special_tokens_map.json", "added_tokens.json", "vocab.*", "merges.txt",
        "chat_template*", "additional_chat_templates/*",
        ".eval_results/*", "eval_results/*", "evaluation/*",
    ),
    "dataset": (
        "*.py", "dataset_infos.json", "dataset_info.json", "eval.yaml", ".eval_results/*", "quarantine/*",
        "data/*.parquet*", "data/*.arrow", "data/*.csv*", "data/*.tsv*", "data/*.json*", "data/*.txt*", "data/*.xml*",
        "data/*.zip", "data/*.gz", "data/*.zst", "data/*.tar", "data/*.lance*", "data/*.h5", "data/*.hdf5",
    ),
}  # fmt: skip
"""Type of repo -> files that a library would load beside ours or in their place, or that the Hub would show as our result."""

UNLISTED = {
    "model": (
        "training_record.json", "training_log.jsonl", "prompt.json", "lineage.json", "assets/*.png",
        "LICENSE*", "LICENCE*", "NOTICE*", "USE_POLICY*",
    ),
    "dataset": ("dataset_record.json", "prompt.json", "lineage.json", "quarantine/lines.jsonl", "assets/*.png"),
}  # fmt: skip
"""Type of repo -> files of ours that no record lists."""

OURS = (
    "*_record.json", "prompt.json", "training_log.jsonl", "quarantine/*", "evaluation/*",
    "adapter_*", "tokenizer*", "special_tokens_map.json", "chat_template*",
    "lineage.json", "assets/lineage.png", "assets/training_loss.png", "assets/output_length.png", "assets/splits.png",
    "LICENSE*", "NOTICE*", "USE_POLICY*",
)  # fmt: skip
"""Files that only Titlecraft writes. A person may add any other file."""

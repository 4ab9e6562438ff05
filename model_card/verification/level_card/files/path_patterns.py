"""Names and patterns of the files in a published repo, by the check that compares them.

The tables stay as tables: one line per kind of file.
"""

from titlecraft.records.repo_files import (
    DATASET_RECORD,
    LINEAGE,
    LINEAGE_PICTURE,
    MODEL_CONFIG,
    PROMPT_FILE,
    QUARANTINE,
    REPORT,
    REPORT_PAGE,
    TIMINGS,
    TOKENIZER_CONFIG,
    TRAINING_LOG,
    TRAINING_RECORD,
)

TOKENIZER = (
    "tokenizer.json", TOKENIZER_CONFIG, "special_tokens_map.json", "added_tokens.json",
    "vocab.json", "vocab.txt", "merges.txt", "tokenizer.model",
    "chat_template.jinja", "chat_template.json",
)  # fmt: skip

BESIDE_REPORT = (REPORT, TIMINGS, REPORT_PAGE, "*.png")
"""Files in a report's folder that the report does not list."""

LOADED = {
    "model": (
        "*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.pickle", "*.h5", "*.msgpack", "*.gguf", "*.npz", "*.safetensors",
        "*.index.json", "*.py", MODEL_CONFIG, "generation_config.json",
        "adapter_config*", "*/adapter_config.json", "processor_config.json", "preprocessor_config.json",
        "tokenizer*", "special_tokens_map.json", "added_tokens.json", "vocab.*", "merges.txt",
        "chat_template*", "additional_chat_templates/*",
        ".eval_results/*", "eval_results/*", "evaluation/*",
    ),
    "dataset": (
        "*.py", "dataset_infos.json", "dataset_info.json", ".eval_results/*", "quarantine/*",
        "data/*.parquet*", "data/*.arrow", "data/*.csv*", "data/*.tsv*", "data/*.json*", "data/*.txt*", "data/*.xml*",
        "data/*.zip", "data/*.gz", "data/*.zst", "data/*.tar", "data/*.lance*", "data/*.h5", "data/*.hdf5",
    ),
}  # fmt: skip
"""Type of repo -> files that a library would load beside ours or in their place, or that the Hub would show as our result."""

UNLISTED = {
    "model": (
        TRAINING_RECORD, TRAINING_LOG, PROMPT_FILE, LINEAGE, "assets/*.png",
        "LICENSE*", "LICENCE*", "NOTICE*", "USE_POLICY*",
    ),
    "dataset": (DATASET_RECORD, PROMPT_FILE, LINEAGE, QUARANTINE, "assets/*.png"),
}  # fmt: skip
"""Type of repo -> files of ours that no record lists."""

OURS = (
    "*_record.json", PROMPT_FILE, TRAINING_LOG, "quarantine/*", "evaluation/*",
    "adapter_*", "tokenizer*", "special_tokens_map.json", "chat_template*",
    LINEAGE, LINEAGE_PICTURE, "assets/training_loss.png", "assets/output_length.png", "assets/splits.png",
    "LICENSE*", "NOTICE*", "USE_POLICY*",
)  # fmt: skip
"""Files that only Titlecraft writes. A person may add any other file."""

"""Names of the files in a published repo, as paths from its root; those of a report are paths from the report's folder."""

# every repo
CARD = "README.md"
CHECKSUMS = "SHA256SUMS"
SIGNATURE = "model.sig"
GIT_ATTRIBUTES = ".gitattributes"
LINEAGE = "lineage.json"
LINEAGE_PICTURE = "assets/lineage.png"

# a dataset
DATASET_RECORD = "dataset_record.json"
PROMPT_FILE = "prompt.json"
QUARANTINE = "quarantine/lines.jsonl"
HUB_TASKS = "eval.yaml"

# a model or an adapter
MODEL_CONFIG = "config.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
CHAT_TEMPLATE = "chat_template.jinja"
ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
ADAPTER_FILES = (ADAPTER_WEIGHTS, ADAPTER_CONFIG)
TRAINING_RECORD = "training_record.json"
TRAINING_LOG = "training_log.jsonl"
HUB_RESULTS = ".eval_results"
EVENT_FILES = "runs"
EXPORT_RECORD = "export_record.json"
OLLAMA_TEMPLATE, OLLAMA_SYSTEM, OLLAMA_PARAMS, MODELFILE = "template", "system", "params", "Modelfile"

# a report
REPORT = "report.json"
REPORT_PAGE = "report.html"
PREDICTIONS = "predictions.parquet"
TIMINGS = "timings.json"

# a Space
SPACE_RECORD = "space_record.json"
SPACE_APP = "app.py"
SPACE_REQUIREMENTS = "requirements.txt"

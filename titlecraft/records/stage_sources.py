"""The source files that decide each stage's result: a stage's key is a hash over them (`code_version.py`).

A change to a listed file changes the keys of its stages: what was finished under the old key is computed again. A file that only words
messages belongs in MESSAGE_ONLY. `tests/titlecraft/records/test_stage_sources.py` compares the lists with what each stage imports;
`python -m tests.titlecraft.records.test_stage_sources` writes them again.
"""

ENTRIES = {
    "dataset_builder": "dataset_builder.build",
    "training": "training.run",
    "sweep": "training.sweep.run",
    "evaluation": "evaluation.run",
    "export": "playground.export.run",
    "space": "playground.space.publish",
    "verification": "model_card.verification.run",
}
"""Stage -> the module that runs it."""

TEMPLATES = {
    "dataset_builder": "dataset_builder/card/templates/dataset_card.md.jinja",
    "training": "",
    "sweep": "",
    "evaluation": """
        evaluation/report/templates/compare.html.jinja evaluation/report/templates/page.css evaluation/report/templates/page.html.jinja
        evaluation/report/templates/page.js evaluation/report/templates/parts.html.jinja evaluation/report/templates/report.html.jinja
        evaluation/report/templates/preference.html.jinja evaluation/report/templates/seeds.html.jinja
    """,
    "export": """
        playground/export/templates/export_card.md.jinja playground/export/templates/gguf_adapter_card.md.jinja
        playground/export/templates/ollama_template.gotmpl playground/export/templates/serve_llama_cpp.py.jinja
        playground/export/templates/serve_transformers.py.jinja playground/export/templates/serve_vllm.py.jinja
    """,
    "space": "playground/space/templates/space_app.py.jinja playground/space/templates/space_card.md.jinja",
    "verification": """
        dataset_builder/card/templates/dataset_card.md.jinja
        evaluation/report/templates/page.css evaluation/report/templates/page.html.jinja evaluation/report/templates/page.js
        evaluation/report/templates/parts.html.jinja evaluation/report/templates/report.html.jinja
        model_card/templates/adapter_card.md.jinja model_card/templates/citations.bib model_card/templates/third_party_card.md.jinja
    """,
}
"""Stage -> files that are not Python and decide what it publishes."""

MESSAGE_ONLY = """
titlecraft.errors titlecraft.process.quiet titlecraft.process.left_out titlecraft.process.log_lines training.watching.progress evaluation.progress
"""
"""Imported by stages, and word messages or show progress: no result depends on them."""

# The lists below are written by `python -m tests.titlecraft.records.test_stage_sources`.
SOURCES: dict[str, str] = {
    "dataset_builder": """
        dataset_builder: build first_pass language options outcome write_dataset
        dataset_builder/card: build_command hub_tasks metadata plots write
        dataset_builder/checks: guards leakage loads valid_settings
        dataset_builder/cleaning: boilerplate characters clean columns elements markup mojibake simple_blocks
        dataset_builder/duplicates: near_duplicates repeated sketch
        dataset_builder/engine: choose interface local on_ray work_storage
        dataset_builder/filters: biography praise review short table
        dataset_builder/shards: alpaca product_kind statistics wording write
        dataset_builder/source: arrays block columns examine find_files json_parser parse parts read_blocks reader readers
        dataset_builder/source/files: addresses catalogue catalogue_names compression encodings gzip_tail hub_datasets standard_input text
        dataset_builder/source/formats: columnar dialect foreign_formats foreign_text json_beginning json_documents json_elements json_lines
        dataset_builder/source/formats: python_lines table_rows tables xml_feed
        dataset_builder/splits: assign groups
        dataset_builder/workers: array_file in_order
        titlecraft: __init__ prompt settings
        titlecraft/cards: front_matter head_card lineage_picture merge picture templates
        titlecraft/hub: checksums data_revision errors loaded_path pins publishing
        titlecraft/process: distributed
        titlecraft/records: __init__ base chosen code_version dataset evaluation lineage repo_files rows setting_names
        titlecraft/records: stage_sources third_party training validation
        titlecraft/rows: groups
        titlecraft/search: scripts word_ngrams
    """,
    "training": """
        titlecraft: __init__ files prompt settings
        titlecraft/cards: picture
        titlecraft/hub: checksums data_revision errors licence loaded_path pins publishing
        titlecraft/models/adapter: probe weights
        titlecraft/models/attention: document spy
        titlecraft/models/base: chat_template config files four_bit model prompt_of_dataset published_template quantisation
        titlecraft/models/base: tokenizer
        titlecraft/models: batches layers
        titlecraft/models/loss: answer_logits answer_nll guard
        titlecraft/process: distributed machine out_of_memory threads
        titlecraft/records: __init__ base chosen code_version dataset evaluation repo_files rows setting_names stage_sources
        titlecraft/records: third_party training validation
        titlecraft/rows: folder formats groups wording
        titlecraft/search: scripts title_match word_ngrams
        training: adapter adapter_settings checks effect health job lost_settings out_of_memory prepare record run
        training: steps trainer
        training/checkpoints: branch folder resume run_state saving trainer_hooks
        training/data: examples inputs long_answers packing validation_rows
        training/model: answer_loss backend broadcast_weights build dropout dropped_product dropped_product_kernels
        training/model: fused_lora initial_weights kernels lora_targets own_loss packable router_loss save_adapter
        training/model: sharded_base
        training/planning: fit host_memory known_base memory validation_schedule
        training/publishing: finished publish
        training/validation: best_weights run score validator
        training/watching: energy grid published trackers watch
    """,
    "sweep": """
        titlecraft: __init__ files prompt settings
        titlecraft/cards: picture
        titlecraft/hub: checksums data_revision errors licence loaded_path pins publishing
        titlecraft/models/adapter: probe weights
        titlecraft/models/attention: document spy
        titlecraft/models/base: chat_template config files four_bit model prompt_of_dataset published_template quantisation
        titlecraft/models/base: tokenizer
        titlecraft/models: batches layers
        titlecraft/models/loss: answer_logits answer_nll guard
        titlecraft/process: distributed machine out_of_memory threads
        titlecraft/records: __init__ base chosen code_version dataset evaluation repo_files rows setting_names stage_sources
        titlecraft/records: third_party training validation
        titlecraft/rows: folder formats groups wording
        titlecraft/search: scripts title_match word_ngrams
        training: adapter adapter_settings checks effect health job lost_settings out_of_memory prepare record run
        training: steps trainer
        training/checkpoints: branch folder resume run_state saving trainer_hooks
        training/data: examples inputs lengths long_answers packing validation_rows
        training/model: answer_loss backend broadcast_weights build dropout dropped_product dropped_product_kernels
        training/model: fused_lora initial_weights kernels lora_targets own_loss packable router_loss save_adapter
        training/model: sharded_base
        training/planning: fit host_memory known_base memory plan plan_table speed validation_schedule
        training/publishing: finished publish
        training/sweep: combinations files finished halving impossible intervals one_base plot record run show train_rungs
        training/validation: best_weights run score validator
        training/watching: energy grid published trackers watch
    """,
    "evaluation": """
        evaluation: experiment guards inputs outcome processes readable run
        evaluation/lighteval_harness: arms choices forgetting hub_tasks pipeline switched_model tasks without_inspect
        evaluation/lookup: copies encoders overlaps sources title_index
        evaluation/measures: __init__ coherence copying counts coverage detail entry form likelihood overlap scripts sentences
        evaluation/measures: specificity
        evaluation/model: finished_batches in_batches sampling sentence_order
        evaluation/report: distributions examples numbers pages plots predictions repetition themes wording write
        evaluation/statistics: all_answers compare corpus intervals known_counts paired significance
        evaluation/titles: clusters draw grounded near_copies training_split
        titlecraft: __init__ files grounded_prompt prompt settings
        titlecraft/hub: __init__ checksums data_revision errors licence loaded_path pins publishing
        titlecraft/models/adapter: load peft_settings probe read switch third_party weights zeroed
        titlecraft/models/attention: document grouped spy
        titlecraft/models/base: chat_template config files four_bit model prompt_of_dataset published_template quantisation
        titlecraft/models/base: tokenizer
        titlecraft/models: batches checks layers
        titlecraft/models/decoding: choose choose_rows decoder families generate kernels network open ops plain products request static
        titlecraft/models/decoding: table
        titlecraft/models/loss: answer_logits answer_nll check_scores guard
        titlecraft/process: distributed machine out_of_memory threads
        titlecraft/records: __init__ base chosen code_version dataset evaluation repo_files rows setting_names stage_sources
        titlecraft/records: third_party training validation
        titlecraft/rows: folder formats groups index wording
        titlecraft/search: row_index row_index_build scripts title_match word_index word_ngrams
    """,
    "export": """
        evaluation: guards processes
        evaluation/report: examples
        evaluation/titles: clusters draw near_copies training_split
        model_card: inputs named_records samples
        playground/export: card gguf gguf_header gguf_loss gguf_source importance_matrix llama_cpp make merge merge_check
        playground/export: ollama options run
        titlecraft: __init__ files prompt settings
        titlecraft/cards: front_matter head_card merge templates
        titlecraft/hub: checksums data_revision errors licence loaded_path pins publishing
        titlecraft/models/adapter: load peft_settings probe read third_party weights zeroed
        titlecraft/models/attention: document grouped spy
        titlecraft/models/base: chat_template config files four_bit model prompt_of_dataset published_template quantisation
        titlecraft/models/base: tokenizer
        titlecraft/models: batches checks layers
        titlecraft/models/loss: answer_logits answer_nll check_scores guard
        titlecraft/process: distributed machine out_of_memory threads
        titlecraft/records: __init__ base chosen code_version dataset evaluation export repo_files rows setting_names
        titlecraft/records: stage_sources third_party training validation
        titlecraft/rows: folder formats groups wording
        titlecraft/search: scripts title_match word_ngrams
    """,
    "space": """
        playground/space: files needs publish
        titlecraft: __init__ prompt settings
        titlecraft/cards: front_matter head_card merge templates
        titlecraft/hub: checksums data_revision errors licence loaded_path pins publishing
        titlecraft/models/adapter: peft_settings read third_party weights
        titlecraft/models/attention: document spy
        titlecraft/models/base: chat_template config files four_bit model prompt_of_dataset published_template quantisation
        titlecraft/models/base: tokenizer
        titlecraft/process: distributed out_of_memory
        titlecraft/records: __init__ base chosen code_version dataset evaluation repo_files rows setting_names space
        titlecraft/records: stage_sources third_party training validation
        titlecraft/rows: folder formats groups wording
        titlecraft/search: scripts title_match word_ngrams
    """,
    "verification": """
        dataset_builder/card: build_command hub_tasks metadata plots write
        dataset_builder/checks: guards leakage
        dataset_builder/cleaning: boilerplate characters clean columns elements markup mojibake simple_blocks
        dataset_builder/duplicates: near_duplicates repeated sketch
        dataset_builder/engine: choose interface local on_ray work_storage
        dataset_builder/filters: biography praise review short table
        dataset_builder: first_pass language options outcome write_dataset
        dataset_builder/shards: alpaca product_kind statistics wording write
        dataset_builder/source: arrays block columns examine find_files json_parser parse parts read_blocks reader readers
        dataset_builder/source/files: addresses catalogue catalogue_names compression encodings gzip_tail text
        dataset_builder/source/formats: columnar dialect foreign_formats foreign_text json_beginning json_documents json_elements json_lines
        dataset_builder/source/formats: python_lines table_rows tables xml_feed
        dataset_builder/splits: assign groups
        dataset_builder/workers: array_file in_order
        evaluation: experiment guards inputs outcome processes readable
        evaluation/lighteval_harness: arms choices forgetting hub_tasks pipeline switched_model tasks without_inspect
        evaluation/lookup: copies encoders overlaps sources title_index
        evaluation/measures: __init__ coherence copying counts coverage detail entry form likelihood overlap scripts sentences
        evaluation/measures: specificity
        evaluation/model: finished_batches in_batches sampling sentence_order
        evaluation/report: distributions examples numbers pages plots predictions repetition themes wording write
        evaluation/statistics: all_answers compare corpus intervals known_counts paired significance
        evaluation/titles: clusters draw grounded near_copies training_split
        model_card: build citations hub_results inputs metadata named_records samples
        model_card/claims: __init__ adapter_kind all_answers claim evaluation provenance training use validation
        model_card/lineage: trained
        model_card/verification: confusables level_data level_predictions level_training repo_state run validation_loss
        model_card/verification/level_card: dataset history licences lineage pins report training
        model_card/verification/level_card/files: adapter base_header checksums hub_results path_patterns renderings signature tokenizer
        model_card/verification/level_card/text: added card card_lines claims configs imitation markdown metadata older
        model_card/verification/level_scores: columns grounded lookup measures scores titles values
        model_card/verification/lines: checks columns line numbers one_line pinned_repo rendering unavailable
        titlecraft: __init__ files grounded_prompt prompt settings
        titlecraft/cards: front_matter head_card lineage_picture merge picture templates
        titlecraft/hub: __init__ checksums data_revision errors licence loaded_path pins publishing signing
        titlecraft/models/adapter: load peft_settings probe read switch third_party weights zeroed
        titlecraft/models/attention: document grouped spy
        titlecraft/models/base: chat_template config files four_bit model prompt_of_dataset published_template quantisation
        titlecraft/models/base: tokenizer
        titlecraft/models: batches checks layers
        titlecraft/models/decoding: choose choose_rows decoder families generate kernels network open ops plain products request static
        titlecraft/models/decoding: table
        titlecraft/models/loss: answer_logits answer_nll check_scores guard
        titlecraft/process: distributed machine out_of_memory threads
        titlecraft/records: __init__ base chosen code_version dataset evaluation lineage repo_files rows setting_names
        titlecraft/records: stage_sources third_party training validation
        titlecraft/rows: folder formats groups index wording
        titlecraft/search: row_index row_index_build scripts title_match word_index word_ngrams
        training: adapter adapter_settings checks effect health job lost_settings out_of_memory prepare record run
        training: steps trainer
        training/checkpoints: branch folder resume run_state saving trainer_hooks
        training/data: examples inputs long_answers packing validation_rows
        training/model: answer_loss backend broadcast_weights build dropout dropped_product dropped_product_kernels
        training/model: fused_lora initial_weights kernels lora_targets own_loss packable router_loss save_adapter
        training/model: sharded_base
        training/planning: fit host_memory known_base memory validation_schedule
        training/publishing: finished publish
        training/validation: best_weights run score validator
        training/watching: energy grid published trackers watch
    """,
}
# End of the lists.


def deciding_files(stage: str) -> list[str]:
    """Paths of the files that decide a stage's result, from the root of the sources, sorted."""
    files = []
    for line in SOURCES[stage].strip().splitlines():
        folder, _, names = line.strip().partition(": ")
        files += [f"{folder}/{name}.py" for name in names.split()]
    return sorted([*files, *TEMPLATES[stage].split()])

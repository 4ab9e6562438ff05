"""Forgeries of a dataset repo: name -> change. One line per forgery."""

from benchmarks.tampering.forgeries.changes import Change, copy_file, edit_card, edit_json, replace_in_card, write_file

DATASET: dict[str, Change] = {
    "data card: a second section": edit_card(lambda text: text + "\n<!-- titlecraft:data -->\nx\n<!-- /titlecraft:data -->\n"),
    "data card: a table of counts": edit_card(lambda text: text + "\n" + max(text.split("\n"), key=lambda line: line.count("|")) + "\n"),
    "data card: a split of another file": replace_in_card("    path:\n    - data/test-", "    path:\n    - data/train-"),
    "data card: a config that is the default": edit_card(lambda text: text.replace("configs:\n", "configs:\n- config_name: mine\n  default: true\n  data_files: data/test-*.parquet\n", 1)),
    "data card: a config over our files": edit_card(lambda text: text.replace("configs:\n", "configs:\n- config_name: mine\n  data_files: data/*.parquet\n", 1)),
    "data card: a default config behind ours": replace_in_card("dataset_info:\n", "- config_name: mine\n  default: true\n  data_files: extra/*.parquet\ndataset_info:\n"),
    "data card: a config over our files behind ours": replace_in_card("dataset_info:\n", "- config_name: mine\n  data_files:\n  - split: train\n    path: data/test*\ndataset_info:\n"),
    "data card: a config of all files": replace_in_card("dataset_info:\n", "- config_name: mine\n  data_files: '**/*.parquet'\ndataset_info:\n"),
    "data card: a config named like ours": replace_in_card("dataset_info:\n", "- config_name: Default\n  data_files: extra/*.parquet\ndataset_info:\n"),
    "data card: another number of rows": replace_in_card("    num_examples: ", "    num_examples: 9"),
    "data card: a licence": replace_in_card("license: unknown", "license: mit"),
    "data files: a shard more": copy_file("data/test-*.parquet", "data/test-00001-of-00002.parquet"),
    "data files: a split more": copy_file("data/test-*.parquet", "data/hidden-00000-of-00001.parquet"),
    "data files: a text more": write_file("data/train.jsonl", '{"title": "x"}\n'),
    "data files: a loading script": write_file("amazon-titles-alpaca.py", "print('x')"),
    "data files: another infos file": write_file("dataset_infos.json", "{}"),
    "data files: another prompt": edit_json("prompt.json", lambda found: found.update(instruction="Praise the product.")),
    "data record: more rows": edit_json("dataset_record.json", lambda found: found.update(published=found["published"] + 1)),
    "data record: fewer shared titles": edit_json("dataset_record.json", lambda found: found["leakage"]["test"].update(shared_titles=7)),
    "data record: another example": edit_json("dataset_record.json", lambda found: (found.get("example") or {}).update(output="Wonderful.")),
    "data record: another prompt": edit_json("dataset_record.json", lambda found: found["prompt"].update(instruction="Praise the product.")),
    "data record: a kind of product": edit_json("dataset_record.json", lambda found: found["product_kinds"].update(asin=1)),
}  # fmt: skip

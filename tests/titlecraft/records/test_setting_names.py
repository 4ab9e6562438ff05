"""Renamed settings keep their first name in records, so that published records and keys stay valid."""

import hashlib
import json
from dataclasses import asdict, replace

import msgspec

from tests.model_card.literal_evaluation import evaluation_record
from tests.model_card.literal_records import dataset_record, training_record
from titlecraft.records import DatasetRecord, EvaluationRecord, TrainingRecord, digest, read_record
from titlecraft.records.setting_names import BEFORE, IN_RECORDS, IN_SETTINGS, rename_settings
from titlecraft.settings import RENAMED, Data, Evaluation, Recipe


def test_renamed_settings_exist() -> None:
    settings = asdict(Recipe())
    for old, new in RENAMED.items():
        section, name = new.split(".")
        assert name in settings[section] and old.split(".")[1] not in settings[section]


def test_a_dataset_record_has_the_first_name() -> None:
    record = dataset_record()
    record = msgspec.structs.replace(record, data=replace(record.data, max_titles_per_description=3))
    raw = record.to_json()
    data = json.loads(raw)["data"]
    assert data["copies"] == 3 and list(data)[4] == "copies" and "max_titles_per_description" not in data
    assert read_record(raw, DatasetRecord, "record") == record


def test_a_report_has_the_first_name_and_its_pins_stay() -> None:
    report = evaluation_record()
    report = msgspec.structs.replace(report, evaluation=replace(report.evaluation, benchmarks=["arc"]))
    raw = report.to_json()
    values = json.loads(raw)
    assert values["evaluation"]["also"] == ["arc"] and values["benchmarks"] == [] and values["also"] == []
    assert read_record(raw, EvaluationRecord, "report") == report


def test_a_digest_is_over_the_first_names() -> None:
    inputs = {"data": Data(max_titles_per_description=3), "evaluation": Evaluation(benchmarks=["arc"])}
    data, evaluation = asdict(inputs["data"]), asdict(inputs["evaluation"])
    data["copies"], evaluation["also"] = data.pop("max_titles_per_description"), evaluation.pop("benchmarks")
    del data["encoding"], data["filters"]  # their values are those of BEFORE
    first_names = json.dumps({"data": data, "evaluation": evaluation}, sort_keys=True, separators=(",", ":"))
    assert digest(inputs) == hashlib.sha256(first_names.encode()).hexdigest()


def test_only_settings_are_renamed() -> None:
    record = {"copies": 1, "data": {"copies": 2, "also": 3}, "also": [{"copies": 4}], "evaluation": {"also": [5]}}
    renamed = rename_settings(record, IN_SETTINGS)
    assert renamed == {
        "copies": 1,
        "data": {"max_titles_per_description": 2, "also": 3},
        "also": [{"copies": 4}],
        "evaluation": {"benchmarks": [5]},
    }
    assert rename_settings(renamed, IN_RECORDS) == record


def test_settings_of_before_do_not_change_the_key_of_an_older_record() -> None:
    """A published record lacks the newer settings, and its key is a digest without them."""
    record = training_record("llama3")
    older = msgspec.structs.replace(record, training=replace(record.training, **BEFORE["training"]))
    raw = json.loads(older.to_json())
    raw["training"] = {name: value for name, value in raw["training"].items() if name not in BEFORE["training"]}
    read = read_record(json.dumps(raw).encode(), TrainingRecord, "record")
    assert read.training == older.training
    first = json.dumps({"training": raw["training"]}, sort_keys=True, separators=(",", ":"))
    assert digest({"training": read.training}) == hashlib.sha256(first.encode()).hexdigest()
    for name, value in (("keep", "best"), ("patience", 3), ("validation_rows", 512)):
        assert digest({"training": replace(read.training, **{name: value})}) != digest({"training": read.training})

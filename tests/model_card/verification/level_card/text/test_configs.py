"""Configs that a person adds to a dataset card: which files they would load."""

from model_card.verification.level_card.text.configs import may_match, patterns_of


def test_files_that_a_config_loads() -> None:
    ours = ["data/train-00000-of-00001.parquet", "data/test-00000-of-00001.parquet"]
    loads = [
        "data/*.parquet",
        "**",
        "**/*.parquet",
        "./data/test*",
        "data",
        "data/",
        "*/train-*",
        "data/{train,test}*",
        "../x/data",
        "hf://x",
    ]
    assert [pattern for pattern in loads if not may_match(pattern, ours)] == []
    assert not any(may_match(pattern, ours) for pattern in ("extra/*.parquet", "data/mine.csv", "mine"))
    assert patterns_of({"data_files": [{"split": "a", "path": ["x", "y"]}, {"path": "z"}]}) == ["x", "y", "z"]
    assert patterns_of({}) == ["**"] and patterns_of({"data_dir": "data"}) == ["data/**"]
    assert patterns_of({"data_dir": "a", "data_files": {"train": "b"}}) == ["a/b"]

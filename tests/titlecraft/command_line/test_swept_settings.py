"""Settings with several values, in a recipe file and by --sweep; and the recipe file that a sweep writes."""

from pathlib import Path

import pytest

from titlecraft.command_line.chosen_recipe import read_chosen, still_chosen
from titlecraft.command_line.recipe_file import read_recipe
from titlecraft.command_line.recipe_options import StageParser
from titlecraft.command_line.swept_settings import SweepParser, all_swept, of_option
from titlecraft.errors import UserError
from titlecraft.records import Chosen, Pin
from titlecraft.settings import Lora, Recipe, Training

RECIPE = """lora:
  r: [8, 16, 64]
  target_modules: [q_proj, v_proj]
training:
  learning_rate: [5e-5, 1e-4, 2.0e-4]
  max_steps: 20
"""
CHOSEN = Chosen(
    among=12,
    settings={"training.learning_rate": 0.0001, "lora.r": 8},
    rows=30,
    dataset=Pin(type="dataset", repo="ns/data", revision="d" * 40),
    sweep="a" * 64,
)
SECTION = f"""chosen:
  among: 12
  settings:
    training.learning_rate: 0.0001
    lora.r: 8
  rows: 30
  dataset:
    type: dataset
    repo: ns/data
    revision: {"d" * 40}
  sweep: {"a" * 64}
"""


def parsed(folder: Path, text: str, *arguments: str) -> tuple[Recipe, SweepParser]:
    (folder / "recipe.yaml").write_text(text)
    parser = SweepParser("sweep", "Sweep.", ["base", "lora", "training"])
    parser.add("--sweep", action="append", default=[])
    return parser.parse([f"--recipe={folder / 'recipe.yaml'}", *arguments])[0], parser


def test_lists_are_swept_and_the_rest_is_the_recipe(tmp_path: Path) -> None:
    recipe, parser = parsed(tmp_path, RECIPE)
    assert all_swept(parser, []) == {"lora.r": [8, 16, 64], "training.learning_rate": [5e-5, 1e-4, 2e-4]}
    assert (recipe.training.max_steps, recipe.lora.target_modules, recipe.lora.r) == (20, ["q_proj", "v_proj"], 16)
    assert parser.from_file == {"lora.target_modules": ["q_proj", "v_proj"], "training.max_steps": 20}


def test_an_option_replaces_a_list_and_a_list_of_lists_sweeps_a_list(tmp_path: Path) -> None:
    text = RECIPE.replace("[q_proj, v_proj]", "[[q_proj], [q_proj, v_proj]]")
    _, parser = parsed(tmp_path, text, "--sweep", "lora.r=4,32")
    swept = all_swept(parser, ["lora.r=4,32"])
    assert swept["lora.r"] == [4, 32] and swept["lora.target_modules"] == [["q_proj"], ["q_proj", "v_proj"]]


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("training.learning_rate=1e-4, 5e-4,.1", ("training.learning_rate", [1e-4, 5e-4, 0.1])),
        ("--lora.r=8,16", ("lora.r", [8, 16])),
        ("training.schedule=cosine,linear", ("training.schedule", ["cosine", "linear"])),
        ("training.max_steps=null,50", ("training.max_steps", [None, 50])),
        ("lora.target_modules=[q_proj],[q_proj,v_proj]", ("lora.target_modules", [["q_proj"], ["q_proj", "v_proj"]])),
    ],
)
def test_values_have_the_type_of_their_setting(option: str, expected: tuple[str, list[object]]) -> None:
    assert of_option(option) == expected


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("lora.r", "--sweep lora.r: expected a setting with its values"),
        ("lora.r=", "--sweep lora.r=: expected a setting with its values"),
        ("lora.r=8,x", "lora.r x: expected a whole number"),
        ("lora.r=8,0", "lora.r: expected a whole number >= 1"),
        ("lora.rr=8,9", r"unknown setting 'lora.rr'; did you mean lora.r\?"),
        ("training.lr=1,2", r"unknown setting 'training.lr'; did you mean training.learning_rate\?"),
        ("training.r=1,2", r"unknown setting 'training.r'; did you mean lora.r\?"),
        ("base.repo=a/b,c/d", "base.repo decides the base"),
        ("training.schedule=cosine,step", "expected one of linear, cosine"),
        ("lora.r=[8,16", "expected values between commas"),
    ],
)
def test_a_wrong_option_is_named_in_one_line(option: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as refused:
        of_option(option)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        ("data:\n  limit: [1, 2]\n", [], r"recipe.yaml:2: data.limit decides the dataset"),
        ("training:\n  learning_rate: [1e-4, often]\n", [], r"recipe.yaml:2: training.learning_rate often: expected a number"),
        ("training:\n  seed: [1, 2]\n", [], r"recipe.yaml:2: training.seed is no choice between recipes"),
        ("training:\n  learning_rates: [1, 2]\n", [], r"recipe.yaml:2: unknown key 'training.learning_rates'; did you mean"),
        (RECIPE, ["--lora.r=4"], r"--lora.r gives one value to a setting that is swept"),
        (RECIPE, ["--training.max_steps=4", "--sweep=training.max_steps=2,8"], "--training.max_steps gives one value to a setting"),
    ],
)  # fmt: skip
def test_a_wrong_recipe_is_named_with_its_line(tmp_path: Path, text: str, arguments: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        all_swept(parsed(tmp_path, text, *arguments)[1], [one[8:] for one in arguments if one.startswith("--sweep=")])


def test_two_options_for_one_setting_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"lora\.alpha is swept by another --sweep already"):
        all_swept(parsed(tmp_path, RECIPE)[1], ["lora.alpha=1,2", "lora.alpha=3,4"])


def test_other_verbs_refuse_lists_and_read_what_a_sweep_wrote(tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(RECIPE)
    with pytest.raises(UserError, match=r"recipe.yaml:2: lora.r .*expected a whole number"):
        read_recipe(file)
    file.write_text(f"lora:\n  r: 8\ntraining:\n  learning_rate: 0.0001\n{SECTION}")
    stage = StageParser("train", "Train.", ["lora", "training"])
    recipe, _ = stage.parse([f"--recipe={file}"])
    assert stage.chosen == CHOSEN == still_chosen(stage.chosen, recipe)
    build = StageParser("build", "Build.", ["data"])
    assert build.parse([f"--recipe={file}"])[0] == Recipe()


def test_a_recipe_with_other_settings_is_not_said_to_be_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    same = Recipe(training=Training(learning_rate=1e-4, seed=9), lora=Lora(r=8))
    assert still_chosen(CHOSEN, same) == CHOSEN and not capsys.readouterr().out
    assert still_chosen(None, same) is None
    assert still_chosen(CHOSEN, Recipe(training=Training(learning_rate=1e-4), lora=Lora(r=9))) is None
    assert "note: the recipe says that lora.r 8 was chosen by a sweep, and here it is 9" in capsys.readouterr().out


@pytest.mark.parametrize(
    "change", [("among: 12", "among: many"), ("  rows: 30\n", ""), ("among: 12", "among: 12\n  why: so")]
)
def test_a_section_that_no_sweep_wrote_is_refused(tmp_path: Path, change: tuple[str, str]) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(SECTION.replace(*change))
    with pytest.raises(UserError, match=r"recipe.yaml: the section chosen is not as `titlecraft sweep` writes it"):
        read_chosen(file)

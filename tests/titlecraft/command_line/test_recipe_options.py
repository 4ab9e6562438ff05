"""Recipes by name and file, overrides, and errors that name file and line."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from jsonargparse.typing import NonNegativeInt

from titlecraft.command_line import main
from titlecraft.command_line.recipe_options import SECTIONS, StageParser, read_recipe, recipe_file
from titlecraft.command_line.renamed_settings import print_note
from titlecraft.errors import UserError
from titlecraft.prompt import PromptFormat
from titlecraft.settings import SEVEN_PROJECTIONS

TRAIN = ["base", "lora", "training", "generation"]


def stage(*sections: str) -> StageParser:
    return StageParser("train", "Train.", list(sections))


def test_the_seed_recipe_is_the_original_notebook_to_the_letter() -> None:
    recipe, _ = stage(*SECTIONS).parse(["--recipe", "seed"])
    assert (recipe.base.repo, recipe.base.max_length, recipe.base.quantization) == (
        "unsloth/llama-3-8b-bnb-4bit",
        2048,
        "nf4",
    )
    assert (recipe.lora.r, recipe.lora.alpha, recipe.lora.dropout) == (16, 32, 0.05)
    training = recipe.training
    assert (training.backend, training.batch_size, training.accumulation, training.warmup_steps) == ("unsloth", 2, 4, 5)
    assert (training.max_steps, training.learning_rate, training.precision, training.logging_steps) == (
        100,
        2e-4,
        "auto",
        1,
    )
    assert (training.optimizer, training.weight_decay, training.schedule) == ("adamw_8bit", 0.01, "linear")
    generation = recipe.generation
    assert (generation.max_new_tokens, generation.temperature, generation.top_k, generation.top_p) == (
        256,
        0.7,
        50,
        0.95,
    )
    prompt = PromptFormat.from_settings(recipe.prompt)
    assert prompt.instruction == "Describe book as accurately as possible."
    assert prompt.input_for("Mog's Kittens") == "Question: Could you give me a description of the book 'Mog's Kittens'?"


def test_options_override_the_recipe_and_the_recipe_the_defaults() -> None:
    recipe, _ = stage(*TRAIN).parse(["--recipe", "tiny", "--lora.r=3", "--training.learning_rate", "1e-3"])
    assert (recipe.lora.r, recipe.training.learning_rate, recipe.training.backend) == (3, 1e-3, "trl")


OLD_NAMES = "data:\n  copies: 2\nevaluation:\n  also: [a]\n"


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (OLD_NAMES, []),
        ("{}", ["--data.copies=2", "--evaluation.also", '["a"]']),
        ("data:\n  copies: 9\n", ["--data.max_titles_per_description=2", "--evaluation.also+=a"]),
        ("data:\n  max_titles_per_description: 9\n", ["--data.copies", "2", "--evaluation.benchmarks+=a"]),
    ],
)
def test_old_names_of_settings_work(text: str, options: list[str], tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    parser = stage("data", "evaluation")
    recipe, _ = parser.parse(["--recipe", str(tmp_path / "mine.yaml"), *options])
    assert (recipe.data.max_titles_per_description, recipe.evaluation.benchmarks) == (2, ["a"])
    assert {"data.max_titles_per_description", "data.copies"} & parser.given == {"data.max_titles_per_description"}


def test_an_old_name_is_noted_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_note.cache_clear()
    (tmp_path / "mine.yaml").write_text(OLD_NAMES)
    stage("data", "evaluation").parse(["--recipe", str(tmp_path / "mine.yaml"), "--data.copies=3"])
    assert capsys.readouterr().err.splitlines() == [
        "note: data.copies is called data.max_titles_per_description now; the old name works until 0.3",
        "note: evaluation.also is called evaluation.benchmarks now; the old name works until 0.3",
    ]


def test_old_and_new_name_in_one_recipe_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("data:\n  copies: 2\n  max_titles_per_description: 3\n")
    with pytest.raises(UserError, match=r"data\.copies is the old name of data\.max_titles_per_description"):
        read_recipe(file)
    file.write_text("data:\n\n  copies: 0\n")
    with pytest.raises(UserError, match=r"mine\.yaml:3: data\.max_titles_per_description: expected"):
        read_recipe(file)


def test_a_stage_takes_only_its_sections() -> None:
    recipe, _ = stage("data").parse(["--recipe", "tiny"])
    assert recipe.data.test_share == 0.05
    with pytest.raises(UserError, match=r"unrecognized arguments: --lora\.r=3"):
        stage("data").parse(["--lora.r=3"])


@pytest.mark.parametrize(("text", "message"), [
    ("lora:\n  r: 4\n  alhpa: 8\n", r"r\.yaml:3: unknown key 'lora\.alhpa'; did you mean 'lora\.alpha'\?"),
    ("trainning:\n  seed: 1\n", r"r\.yaml:1: unknown key 'trainning'; did you mean 'training'\?"),
    ("lora:\n  r: four\n", r"r\.yaml:2: lora\.r four: expected a whole number$"),
    ("lora: 3\n", r"r\.yaml: expected sections"),
    ("lora: [", r"r\.yaml is not YAML"),
    ("base:\n  quantization: int3\n", r"r\.yaml:2: base\.quantization int3: expected one of auto, nf4, none$"),
])  # fmt: skip
def test_an_error_in_a_recipe_names_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "r.yaml").write_text(text)
    with pytest.raises(UserError, match=message):
        read_recipe(tmp_path / "r.yaml")


def test_a_learning_rate_may_be_written_as_in_papers(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("training:\n  learning_rate: 2e-4\n")
    recipe, _ = stage("training").parse(["--recipe", str(tmp_path / "r.yaml")])
    assert recipe.training.learning_rate == 2e-4


def test_a_missing_recipe_is_refused() -> None:
    with pytest.raises(
        UserError,
        match="no such recipe; there are auto, fast-convergence, full-epoch, gemma3, low-memory, mistral, quality, qwen3, real, seed, smollm3, tiny",
    ):
        recipe_file("huge")


@pytest.mark.parametrize("verb", main.VERBS)
def test_an_unknown_option_is_refused_in_one_line(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main([verb, "--no-such-option"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    assert err.startswith(f"error: titlecraft {verb}: ") and err.endswith(f"(see titlecraft {verb} --help)\n")


def test_a_recipe_without_its_name_is_refused_in_one_line() -> None:
    with pytest.raises(UserError, match=r"titlecraft train: argument --recipe: expected one argument \(see"):
        stage(*TRAIN).parse(["--recipe"])


def test_the_help_names_the_verbs_that_take_a_recipe() -> None:
    folder = Path(main.__file__).parent / "verbs"
    taking = [verb for verb in main.VERBS if re.search("(Stage|Sweep)Parser", (folder / f"{verb}.py").read_text())]
    assert f"{', '.join(taking)}:\n  --recipe NAME" in main.usage()


def test_the_message_of_an_interruption(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def run(arguments: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(main, "run", run)
    assert main.main(["ask", "A lamp", "--adapter", "me/adapter"]) == 130
    message = "interrupted; what was published stays, and the same command can be run again"
    assert capsys.readouterr().err.strip() == message


def test_help_imports_no_library_of_the_stages() -> None:
    """The list of verbs imports only the standard library, and a stage's options import no Hub library."""
    code = (
        "import sys; from titlecraft.command_line.main import main\n"
        "main(['--help']); assert 'jsonargparse' not in sys.modules\n"
        "try: main(['train', '--help'])\n"
        "except SystemExit: pass\n"
        "assert not {'torch', 'transformers', 'huggingface_hub', 'datasets'} & set(sys.modules)"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    assert "build" in process.stdout and "--lora.alpha" in process.stdout


@pytest.mark.parametrize(("option", "message"), [
    ("--training.batch_size=0", "--training.batch_size: expected a whole number >= 1"),
    ("--training.max_steps=0", "--training.max_steps: expected a whole number >= 1"),
    ("--training.learning_rate=-1e-4", "--training.learning_rate: expected a number >= 1e-12"),
    ("--lora.dropout=1.5", "--lora.dropout: expected a number <= 0.99"),
    ("--lora.target_modules=[]", "--lora.target_modules: expected a list of length >= 1"),
    ("--training.packing=maybe", "titlecraft train: --training.packing maybe: expected true or false (see titlecraft train --help)"),
    ("--training.batch_size=1.5", "--training.batch_size 1.5: expected a whole number (see"),
    ("--training.learning_rate=nan", "--training.learning_rate nan: expected a number (see"),
    ("--training.max_steps=x", "--training.max_steps x: expected a whole number >= 1 or null (see"),
    ("--training.precision=bf16", "--training.precision bf16: expected one of auto, bfloat16, float16, float32 (see"),
    ("--lora.target_modules=3", "--lora.target_modules 3: expected a list, such as '[\"a\", \"b\"]' or null (see"),
    ("--save-every=-1", "--save-every -1: expected a whole number >= 0 (see"),
    ("--save-every=x", "--save-every 'x': expected a whole number >= 0 (see"),
    ("--training.lr=3", "unrecognized arguments: --training.lr=3; did you mean --training.learning_rate? (see"),
    ("--training.bach_size=3", "unrecognized arguments: --training.bach_size=3; did you mean --training.batch_size? (see"),
])  # fmt: skip
def test_a_value_out_of_range_is_refused(option: str, message: str) -> None:
    parser = stage(*TRAIN)
    parser.add("--save-every", type=NonNegativeInt)
    with pytest.raises(UserError, match=f"^(titlecraft train: )?{re.escape(message)}"):
        parser.parse([option])


def test_max_steps_may_be_null_for_epochs() -> None:
    recipe, _ = stage(*TRAIN).parse(["--training.max_steps=null", "--training.epochs=0.5"])
    assert (recipe.training.max_steps, recipe.training.epochs) == (None, 0.5)


def test_recipes_differ_from_the_seed_in_the_listed_settings() -> None:
    parse = lambda name: StageParser("train", "", ["base", "lora", "training"]).parse(["--recipe", name])[0]  # noqa: E731
    seed = parse("seed")

    def changed(name: str) -> set[str]:
        values = vars(parse(name).training).items()
        return {field for field, value in values if value != getattr(seed.training, field)} - {"long_answers", "keep"}

    assert seed.training.keep == "last" and parse("quality").training.keep == "best"
    assert seed.training.long_answers == "truncate" and parse("quality").training.long_answers == "drop"
    assert changed("low-memory") == {"batch_size", "accumulation"} and parse("low-memory").base.max_length == 1024
    assert changed("fast-convergence") == {"max_steps", "learning_rate"}
    assert (parse("quality").training.max_steps, parse("quality").training.learning_rate) == (200, 1e-4)
    assert changed("full-epoch") == {
        "backend", "batch_size", "accumulation", "max_steps", "schedule", "warmup_steps", "optimizer", "gradient_checkpointing",
        "packing", "fused_kernels", "logging_steps",
    }  # fmt: skip
    assert replace(parse("full-epoch").lora, target_modules=list(SEVEN_PROJECTIONS)) == seed.lora

"""The base's header decides how many parameters it has, and which factors fit its layers."""

from pathlib import Path

import pytest

from model_card.verification.level_card.files.base_header import Shapes, compare
from model_card.verification.lines.checks import Checks
from tests.model_card.literal_records import training_record
from tests.model_card.verification.level_card.literal_repos import adapter, tensors

PARAMETERS = training_record("llama3").base_parameters


def base(
    width: int = 16, dtype: str = "F32", parameters: int = PARAMETERS, layer: str = "layers.0.self_attn"
) -> Shapes:
    """A base with two layers of this width, and one tensor with all of its other parameters."""
    header = {f"{layer}.{name}.weight": (dtype, [width, 16]) for name in ("q_proj", "v_proj")}
    return header | {"embedding.weight": (dtype, [parameters - 2 * width * 16])}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (base(), ["holds", "holds"]),
        (base(parameters=PARAMETERS + 1), ["does not hold", "holds"]),
        (base(width=20), ["holds", "does not hold"]),  # factors of 16 rows for a layer of 20
        (base(dtype="U8"), ["not looked at", "holds", "not looked at"]),  # packed weights
        (base(layer="transformer.h.0.attn"), ["holds", "holds", "not looked at"]),  # layers of other names
    ],
)
def test_the_header_of_the_base(tmp_path: Path, header: Shapes, expected: list[str]) -> None:
    lines = compare(Checks("card", "base"), adapter(tmp_path, tensors()), header)
    assert [line.verdict for line in lines] == expected

"""No text of a plot is cut off, lies on another text, or is crossed by a line; at any mean, in long words."""

from dataclasses import replace
from itertools import combinations
from typing import Any

import msgspec
import pytest
from matplotlib.text import Text

from evaluation.report import distributions, plots
from evaluation.report.pages import PLOTS
from tests.evaluation.report.literal_report import predictions, record_of
from titlecraft.records import EvaluationRecord

PRIMARY = "nll_per_token"


def shown(kind: str, monkeypatch: pytest.MonkeyPatch, record: EvaluationRecord, rows: list[dict[str, Any]]) -> Any:
    """The drawn figure of a plot."""
    for module in (plots, distributions):
        monkeypatch.setattr(module, "in_themes", lambda figure: figure)
    figure: Any = PLOTS[kind](record, rows)
    figure.canvas.draw()
    return figure


def texts_of(figure: Any) -> list[Text]:
    """The texts that are drawn; of an axis, the numbers within its limits."""
    texts = [text for legend in figure.legends for text in legend.get_texts()]
    for axes in figure.axes:
        if axes.get_visible():
            texts += [axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label, *axes.texts]
            for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
                low, high = sorted(limits)
                texts += [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    return [text for text in texts if text.get_text().strip() and text.get_visible()]


def shifted(by: float) -> tuple[EvaluationRecord, list[dict[str, Any]]]:
    """A report whose primary measure has another mean difference."""
    rows = [row | {f"{PRIMARY}_after": row[f"{PRIMARY}_after"] + by} for row in predictions()]
    return record_of(rows), rows


@pytest.mark.parametrize("by", [0.3, -40.0])
@pytest.mark.parametrize("kind", PLOTS)
def test_every_text_is_inside_and_apart(kind: str, by: float, monkeypatch: pytest.MonkeyPatch) -> None:
    record, rows = shifted(by)
    figure = shown(kind, monkeypatch, record, rows)
    boxes = {text: text.get_window_extent() for text in texts_of(figure)}
    for text, box in boxes.items():
        assert box.x0 >= -0.5 and box.y0 >= -0.5, text
        assert box.x1 <= figure.bbox.x1 + 0.5 and box.y1 <= figure.bbox.y1 + 0.5, text
    for (one, box), (other, second) in combinations(boxes.items(), 2):
        assert not box.padded(-1).overlaps(second.padded(-1)), (one, other)


@pytest.mark.parametrize("by", [0.0, 0.28, 0.31, 3.0])
def test_no_line_crosses_the_label_of_the_mean(by: float, monkeypatch: pytest.MonkeyPatch) -> None:
    figure = shown("by_title", monkeypatch, *shifted(by))
    (axes,) = figure.axes
    (label,) = axes.texts
    box = label.get_window_extent()
    assert label.get_text().startswith("mean ") and len(axes.collections) == 2
    for lines in axes.collections:
        for path in lines.get_paths():
            assert axes.transData.transform(path.vertices)[:, 1].max() < box.y0


def test_a_long_measure_and_unit_are_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    record, rows = shifted(0.0)
    long = msgspec.structs.replace(
        record.primary(), label="Unsupported names", unit="per generated sentence, 0 or more"
    )
    record = msgspec.structs.replace(record, measures=[long, *record.measures[1:]])
    record = msgspec.structs.replace(record, evaluation=replace(record.evaluation, primary=long.name))
    figure = shown("by_title", monkeypatch, record, rows)
    for text in texts_of(figure):
        assert text.get_window_extent().x0 >= -0.5 and text.get_window_extent().x1 <= figure.bbox.x1 + 0.5, text

"""The HTML page of a comparison of training seeds: seeds.html, one self-contained file."""

from evaluation.report import wording
from evaluation.report.pages import page_environment
from evaluation.report.plots import new_figure
from evaluation.report.themes import FAINT, INK, in_themes
from evaluation.side_by_side.seeds import SeedsRecord
from titlecraft.hub.pins import address

HTML = "seeds.html"


def render_seeds(record: SeedsRecord) -> str:
    """Render the page. The same record gives the same page."""
    plots = {"seeds": draw_seeds(record)}
    template = page_environment().get_template("seeds.html.jinja")
    return template.render(record=record, wording=wording, plots=plots, address=address, zip=zip)


def draw_seeds(record: SeedsRecord) -> dict[str, bytes]:
    """Plot the primary measure of each seed with twice the standard error over titles; return the PNGs by theme."""
    primary, rows = record.measures[0], range(len(record.seeds))
    figure, axes = new_figure(0.8 + 0.3 * len(record.seeds))
    axes.errorbar(primary.means, rows, xerr=2 * primary.titles_error, fmt="o", color=INK, ecolor=FAINT, elinewidth=3)
    axes.set_yticks(rows, [f"seed {seed}" for seed in record.seeds])
    axes.invert_yaxis()
    axes.set_xlabel(f"{primary.label}, {primary.unit}", color=INK, fontsize=9)
    return in_themes(figure)

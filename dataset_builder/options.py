"""The options of a build that are no settings of the recipe: none of them changes a published row."""

from collections.abc import Callable
from dataclasses import dataclass, field

from dataset_builder.source.files.catalogue import Content
from titlecraft.records.dataset import About
from titlecraft.settings import MAX_LOSS


@dataclass(frozen=True)
class BuildOptions:
    """How a build runs and what it accepts; the options of `titlecraft build` besides source, repo and recipe.

    Args:
        private: whether a new repo is private.
        fresh: build and publish even if the same dataset was published already.
        allow_incomplete: build from a catalogue that is cut.
        workers: processes of the local engine; None lets the size of the catalogue decide.
        engine: "local" or "ray".
        work_storage: where intermediate rows and shards are kept: a folder or, for Ray, an fsspec URL; None is
            TITLECRAFT_WORK or the Hub client's own home.
        config, split: what is read of a dataset of the Hub; None is its default config, and all of its splits.
        about: what the publisher states about the dataset: licence, language, name.
        max_loss: share of the lines that may be quarantined; above it nothing is published.
    """

    private: bool = True
    fresh: bool = False
    allow_incomplete: bool = False
    workers: int | None = None
    engine: str = "local"
    work_storage: str | None = None
    config: str | None = None
    split: str | None = None
    about: About = field(default_factory=About)
    max_loss: float = MAX_LOSS


@dataclass(frozen=True)
class BuildHooks:
    """The functions that a build calls while it writes a dataset.

    Args:
        contents: returns the hashes of the catalogue's files.
        require_unchanged: raises UserError if a file changed while it was read.
        shard_written: called with the path of each complete shard.
        warn: called with each warning.
    """

    contents: Callable[[], list[Content]]
    require_unchanged: Callable[[], None] = lambda: None
    shard_written: Callable[[str], None] = lambda path: None
    warn: Callable[[str], None] = lambda message: None

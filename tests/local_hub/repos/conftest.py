"""A root folder with two repos, one of which tests damage."""

from pathlib import Path

import pytest

from tests.local_hub.pages.pages_world import World, put


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root folder that is not served, with the repos ada/good and ada/bad (with packs and loose objects)."""
    world = World(tmp_path)
    world.model("good", "---\ntags: [fine]\n---\n# Good")
    repo = world.repo("model", "ada/bad", {f"{i}.txt": str(i) for i in range(40)})
    put(repo, {"README.md": "---\ntags: [bad]\n---\n# Bad", "config.json": "{}"})
    world.store.open("model", "ada/bad").objects.close()
    return tmp_path

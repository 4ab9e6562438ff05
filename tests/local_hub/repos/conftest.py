"""A root folder with a sound repo and one to damage."""

from pathlib import Path

import pytest

from tests.local_hub.pages.pages_world import World, put


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A Hub's root that nobody serves, with the repos ada/good and ada/bad (which has packs and loose objects)."""
    world = World(tmp_path)
    world.model("good", "---\ntags: [fine]\n---\n# Good")
    repo = world.repo("model", "ada/bad", {f"{i}.txt": str(i) for i in range(40)})
    put(repo, {"README.md": "---\ntags: [bad]\n---\n# Bad", "config.json": "{}"})
    world.store.open("model", "ada/bad").objects.close()
    return tmp_path

"""The pinned requirements of a Space can be installed together: resolved offline, from what the installed packages ask for."""

from importlib.metadata import requires

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from playground.space.needs import pinned_requirements


def conflicts(pins: dict[str, str]) -> list[str]:
    """Each requirement of a pinned package that another pin does not satisfy."""
    found = []
    for name in pins:
        for asked in map(Requirement, requires(name) or []):
            applies = asked.marker is None or asked.marker.evaluate({"extra": ""})
            pinned = pins.get(canonicalize_name(asked.name))
            if applies and pinned and not asked.specifier.contains(pinned, prereleases=True):
                found.append(f"{name} asks for {asked}, not {pinned}")
    return found


def pins_of(more: tuple[str, ...]) -> dict[str, str]:
    return {canonicalize_name(line.split("==")[0]): line.split("==")[1] for line in pinned_requirements(more)}


def test_no_pin_contradicts_another() -> None:
    pins = pins_of(("datasets",))
    assert conflicts(pins) == [] and len(pins) > 20


def test_a_contradiction_is_found() -> None:
    pins = pins_of(()) | {"huggingface-hub": "0.20.0"}
    assert any(line.startswith("transformers asks for huggingface-hub") for line in conflicts(pins))

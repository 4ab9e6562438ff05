"""The bars of a benchmark: target, measured value, and whether the target is met."""

import json
from pathlib import Path
from typing import Any


def bar(name: str, value: float, limit: float, unit: str, *, larger: bool = False) -> dict[str, Any]:
    """Return one bar as results/*.json store it; the value must be at least `limit` if `larger`, otherwise at most."""
    holds = value >= limit if larger else value <= limit
    return {"name": name, "value": round(value, 3) or value, "bar": limit, "unit": unit, "holds": holds}


def print_bars(bars: list[dict[str, Any]]) -> None:
    """Print a line for each bar."""
    for entry in bars:
        verdict = "holds" if entry["holds"] else "FAILS"
        print(f"{verdict:<7}{entry['name']:<44}{entry['value']:>9} {entry['unit']} (bar {entry['bar']})")


def write_results(path: Path, result: dict[str, Any]) -> None:
    """Write the measurements and their bars as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=2) + "\n")

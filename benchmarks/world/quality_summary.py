"""The summary of quality.py's runs: every figure over the training seeds of a recipe, and the bar on the stop rate."""

from statistics import mean, stdev
from typing import Any

from scipy.stats import t

from benchmarks.bars import bar

MEASURES = ("nll_per_token", "stop_rate", "repetition", "distinct_2", "unsupported_names", "unsupported_numbers")


def summary(runs: dict[str, Any]) -> dict[str, Any]:
    """Return recipe and format -> mean, deviation and interval over seeds of every figure, and those of the base."""
    table = {}
    for key in sorted({name.rpartition("-")[0] for name in runs}):
        of_key = [run for name, run in runs.items() if name.rpartition("-")[0] == key and "nll_per_token" in run]
        if not of_key:
            continue
        line: dict[str, Any] = {"seeds": len(of_key), "steps": of_key[0]["steps"]}
        for measure in MEASURES:
            if measure in of_key[0]:
                line[measure] = spread([run[measure]["after"] for run in of_key])
                line[f"{measure}_base"] = of_key[0][measure]["before"]
        for name in ("validation_nll", "distinct_answers_after", "stop_rate_of_fitting_after"):
            line[name] = spread([run[name] for run in of_key if run[name] is not None])
        table[key] = line
    return table


def summarise(result: dict[str, Any]) -> None:
    """Write the summary of the runs and the bar on the stop rate of the best recipe into the results."""
    result["summary"] = summary(result["runs"])
    of_best = [line for key, line in result["summary"].items() if key.startswith("best")]
    stops = [line["stop_rate_of_fitting_after"]["mean"] for line in of_best if line["stop_rate_of_fitting_after"]]
    name, unit = "stop_rate_of_the_best_recipe", "of answers whose reference fits"
    result["bars"] = [bar(name, min(stops), 0.95, unit, larger=True)] if stops else []


def spread(values: list[float]) -> dict[str, float] | None:
    """Return mean, sample standard deviation and the ends of the 95 % interval by Student's t; the mean alone of one value."""
    if not values:
        return None
    if len(values) == 1:
        return {"mean": round(values[0], 4)}
    centre, sd = mean(values), stdev(values)
    reach = float(t.ppf(0.975, len(values) - 1)) * sd / len(values) ** 0.5
    return {
        "mean": round(centre, 4),
        "sd": round(sd, 4),
        "low": round(centre - reach, 4),
        "high": round(centre + reach, 4),
    }

"""Energy of a run in kWh, where this machine has meters; by codecarbon (Lottick et al. 2019), without network.

Codecarbon guesses what has no meter: memory by its size, a CPU by its model. Such guesses are left out here, so that a figure
is what was measured, and less than what the machine took.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from titlecraft.errors import UserError
from titlecraft.process import distributed

METERED_CPUS = {"intel_rapl", "intel_power_gadget", "windows_emi"}  # codecarbon's names; the others are estimates


@dataclass
class Energy:
    """What was measured; all of it null while nothing was.

    Args:
        kwh: of the parts that have a meter.
        parts: which those are: "GPU", "CPU", "GPU and CPU".
        co2_grams: kwh times the carbon intensity of the country's grid, as codecarbon's data have it (CO2 equivalents).
        country: its ISO 3166 code of three letters.
        by: name and version of what read the meters.
    """

    kwh: float | None = None
    parts: str | None = None
    by: str | None = None
    co2_grams: float | None = None
    country: str | None = None


def require_meter(country: str | None) -> None:
    """Raises UserError where `--energy` names no country that codecarbon knows, or it is not installed."""
    if country is not None:
        grams_per_kwh(country)


def grams_per_kwh(country: str) -> float:
    """Grams of CO2 equivalents for a kWh of a country's grid. Raises UserError."""
    try:
        from codecarbon.input import DataSource
    except ImportError as error:
        raise UserError(f'--energy {country}: {error}; install it with pip install "titlecraft[energy]"') from error
    known = DataSource().get_global_energy_mix_data()
    if country not in known:
        raise UserError(
            f"--energy {country}: expected the ISO code of a country in three capitals, such as BRA, DEU or USA"
        )
    return known[country]["carbon_intensity"]


@contextmanager
def metered(country: str | None) -> Iterator[Energy]:
    """Measure what runs inside, in the first process and for all GPUs of the run; nothing where `country` is None."""
    energy = Energy()
    if country is None or not distributed.is_rank0() or not distributed.on_one_machine():
        yield energy
        return
    intensity = grams_per_kwh(country)
    from codecarbon import OfflineEmissionsTracker

    tracker = OfflineEmissionsTracker(
        country_iso_code=country, force_carbon_intensity_g_co2e_kwh=intensity, gpu_ids=gpus(), output_methods=[],
        emissions_endpoint=None, allow_multiple_runs=True, tracking_mode="machine", log_level="critical",
    )  # fmt: skip
    tracker.start()
    try:
        yield energy
    finally:
        tracker.stop()
        parts = metered_parts(tracker)
        add_up(energy, parts, intensity, country)
        if not parts:
            print("--energy: codecarbon finds no meter on this machine, so the energy is not measured")


def add_up(energy: Energy, parts: dict[str, float], intensity: float, country: str) -> None:
    """Put the sum of the metered parts (kWh) into `energy`; it stays empty where there are none."""
    if parts:
        energy.kwh, energy.parts = round(sum(parts.values()), 6), " and ".join(parts)
        energy.co2_grams, energy.country = round(sum(parts.values()) * intensity, 3), country
        energy.by = f"codecarbon {version('codecarbon')}"


def metered_parts(tracker: Any) -> dict[str, float]:
    """kWh of the parts of a stopped tracker that were read from a meter."""
    data = getattr(tracker, "final_emissions_data", None)
    if data is None:  # codecarbon logs its own failures, and goes on
        return {}
    parts = {"GPU": data.gpu_energy} if data.gpu_energy > 0 else {}
    cpus = [part for part in tracker._hardware if type(part).__name__ == "CPU"]
    if data.cpu_energy > 0 and cpus and all(part._mode in METERED_CPUS for part in cpus):
        parts["CPU"] = data.cpu_energy
    return parts


def gpus() -> list[str]:
    """Ids of the GPUs that this machine's processes of the run compute on, one each."""
    import torch

    if not torch.cuda.is_available():
        return []
    count = min(distributed.world_size(), torch.cuda.device_count())
    return [f"GPU-{torch.cuda.get_device_properties(index).uuid}" for index in range(count)]

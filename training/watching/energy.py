"""Energy of a run in kWh, read from this machine's meters by codecarbon (Lottick et al. 2019), without network access.

Codecarbon estimates parts without a meter: memory from its size, a CPU from its model. These estimates are left out, so a
figure is a measurement, and a lower bound of the machine's consumption.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import torch

from titlecraft.process import distributed
from training.watching.grid import grams_per_kwh

METERED_CPUS = {"intel_rapl", "intel_power_gadget", "windows_emi"}  # codecarbon's names; the others are estimates


@dataclass
class Energy:
    """Measured energy; all fields are None if nothing was measured.

    Args:
        kwh: of the parts with a meter.
        parts: the parts with a meter: "GPU", "CPU", "GPU and CPU".
        co2_grams: kwh times the carbon intensity of the country's grid in codecarbon's data (CO2 equivalents).
        country: ISO 3166 code, three letters.
        by: name and version of the software that read the meters.
    """

    kwh: float | None = None
    parts: str | None = None
    by: str | None = None
    co2_grams: float | None = None
    country: str | None = None


@contextmanager
def metered(country: str | None) -> Iterator[Energy]:
    """Measure the energy of the body, on rank 0 for all GPUs of the run. No-op if `country` is None, or with several machines."""
    energy = Energy()
    if country is None or not distributed.is_rank0() or not distributed.on_one_machine():
        yield energy
        return
    intensity = grams_per_kwh(country)
    from codecarbon import OfflineEmissionsTracker  # pyright: ignore[reportMissingImports]

    tracker = OfflineEmissionsTracker(
        country_iso_code=country,
        force_carbon_intensity_g_co2e_kwh=intensity,
        gpu_ids=gpus(),
        output_methods=[],
        emissions_endpoint=None,
        allow_multiple_runs=True,
        tracking_mode="machine",
        log_level="critical",
    )
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
    """Write the sum of the metered parts (kWh) into `energy`; no-op if no part has a meter."""
    if parts:
        energy.kwh, energy.parts = round(sum(parts.values()), 6), " and ".join(parts)
        energy.co2_grams, energy.country = round(sum(parts.values()) * intensity, 3), country
        energy.by = f"codecarbon {version('codecarbon')}"


def metered_parts(tracker: Any) -> dict[str, float]:
    """Energy in kWh of each part with a meter, from a stopped tracker."""
    data = getattr(tracker, "final_emissions_data", None)
    if data is None:  # codecarbon logs its failures and does not raise
        return {}
    parts = {"GPU": data.gpu_energy} if data.gpu_energy > 0 else {}
    cpus = [part for part in tracker._hardware if type(part).__name__ == "CPU"]
    if data.cpu_energy > 0 and cpus and all(part._mode in METERED_CPUS for part in cpus):
        parts["CPU"] = data.cpu_energy
    return parts


def gpus() -> list[str]:
    """UUIDs of the GPUs of this run on this machine."""
    if not torch.cuda.is_available():
        return []
    count = min(distributed.world_size(), torch.cuda.device_count())
    return [f"GPU-{torch.cuda.get_device_properties(index).uuid}" for index in range(count)]

"""Carbon intensity of a country's electricity, from codecarbon's data. Loads neither torch nor a meter."""

from titlecraft.errors import UserError


def require_meter(country: str | None) -> None:
    """Raises UserError if codecarbon is not installed, or does not know the country of `--energy`."""
    if country is not None:
        grams_per_kwh(country)


def grams_per_kwh(country: str) -> float:
    """Carbon intensity of a country's grid, in grams of CO2 equivalents per kWh. Raises UserError."""
    try:
        from codecarbon.input import DataSource  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise UserError(f'--energy {country}: {error}; install it with pip install "titlecraft[energy]"') from error
    known = DataSource().get_global_energy_mix_data()
    if country not in known:
        raise UserError(
            f"--energy {country}: expected the ISO code of a country in three capitals, such as BRA, DEU or USA"
        )
    return known[country]["carbon_intensity"]

"""Jinja environments for cards and documents; an undefined name is an error."""

from jinja2 import Environment, PackageLoader, StrictUndefined


def markdown_templates(package: str) -> Environment:
    """Return the environment of a package's folder `templates`; a line that is only a tag renders no blank line."""
    environment = Environment(
        loader=PackageLoader(package),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["thousands"] = "{:,}".format
    return environment

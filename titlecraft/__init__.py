"""The ground floor that all stages share: settings, prompt, records, Hub access, models and the search index."""

__version__ = "0.1.0"

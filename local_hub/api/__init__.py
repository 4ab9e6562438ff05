"""The Hub's JSON API: one file per part of `/api/…`."""

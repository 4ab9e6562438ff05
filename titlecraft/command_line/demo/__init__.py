"""The demo: a synthetic catalogue, a tiny base model, and every stage on the embedded Hub; it needs no download."""

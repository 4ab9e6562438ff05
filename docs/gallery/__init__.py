"""The gallery: three toy runs of the whole path, written as docs/en/gallery.md. `python -m docs.gallery` makes it."""

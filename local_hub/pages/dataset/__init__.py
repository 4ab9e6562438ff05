"""The preview of a dataset's rows."""

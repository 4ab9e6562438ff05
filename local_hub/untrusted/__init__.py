"""Data that strangers wrote, read within bounds."""

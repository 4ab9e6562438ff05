"""What was made from what, across repos; adapters on a dataset's card; the collection."""

"""report.json and predictions.parquet as a page, plots and a console table."""

"""Published shards: the Alpaca columns, their wording, parquet files and figures about them."""

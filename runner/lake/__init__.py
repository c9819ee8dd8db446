"""Where the logs are: tables of Parquet files, and the engine that answers SQL over them."""

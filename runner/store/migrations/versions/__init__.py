"""One module for each step; the newest is named in `runner.store.schema.REVISION`."""

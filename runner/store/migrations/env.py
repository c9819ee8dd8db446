"""Alembic's entry point: it runs the migrations on the connection that it is handed."""

from alembic import context

from runner.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
context.run_migrations()

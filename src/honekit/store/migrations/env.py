"""Alembic's entry point: it migrates over the connection and inside the transaction that `store.migrate` gives it."""

from alembic import context

from honekit.store.tables import metadata

# SQLite can undo DDL; Alembic does not count on it unless told.
context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True)
context.run_migrations()

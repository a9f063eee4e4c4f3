"""Alembic migrations of the ticket store, run when the store is opened for writing."""

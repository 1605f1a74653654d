"""Putting a model version in front of users: aliases that are promoted and rolled back."""

from honekit.deploy.aliases import Alias, AliasChange, history, list_aliases, promote, resolve, rollback

__all__ = ["Alias", "AliasChange", "history", "list_aliases", "promote", "resolve", "rollback"]

"""Putting a model version in front of users: aliases that are promoted and rolled back."""

from honekit.deploy.aliases import Alias, AliasChange, get_alias, history, list_aliases, promote, resolve, rollback

__all__ = ["Alias", "AliasChange", "get_alias", "history", "list_aliases", "promote", "resolve", "rollback"]

"""The database, its migrations, and files on disk that are complete or absent, never half."""

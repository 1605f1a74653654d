"""The one near-duplicate rule of the whole product, and the search for near duplicates among many texts."""

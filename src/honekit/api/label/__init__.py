"""The browser page of `hone data label`, on this machine only."""

"""Personal data and secrets in texts: found, masked, replaced by consistent pseudonyms."""

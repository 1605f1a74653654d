"""`hone data fix`: what is safe to mend, in a new file."""

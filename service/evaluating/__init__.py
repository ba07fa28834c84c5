"""`ilk evaluate` and `ilk tune`."""

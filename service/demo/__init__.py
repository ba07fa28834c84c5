"""`ilk demo`: a shop to try."""

"""The full refresh: stages, gate, schedule."""

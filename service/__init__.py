"""Composition root: command line, HTTP API, loading, refresh, releases, settings."""

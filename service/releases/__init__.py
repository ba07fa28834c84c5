"""Releases on disk: their files, manifests, publication, and who holds the serving one."""

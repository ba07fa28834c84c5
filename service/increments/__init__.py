"""Retraining of the touched part of the graph, tried before it serves."""

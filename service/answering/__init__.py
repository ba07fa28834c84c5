"""Answers: similar items, recommendations, explanations, conditions, editors' rules."""

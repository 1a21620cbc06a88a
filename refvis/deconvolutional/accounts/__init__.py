"""Accounts of relevance: the ledger of a method, its text, and the balance of a heatmap."""

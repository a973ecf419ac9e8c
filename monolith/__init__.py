"""Encore, the monolith: concert tickets from one process."""

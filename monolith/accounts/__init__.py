"""Accounts, credentials and sessions."""

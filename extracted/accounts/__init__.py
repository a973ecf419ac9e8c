"""Accounts, credentials and sessions, as a service."""

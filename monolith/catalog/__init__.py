"""Venues, events, seat plans and prices."""

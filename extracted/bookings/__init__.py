"""Seat availability, holds and bookings, as a service."""

"""Seat availability, holds and bookings."""

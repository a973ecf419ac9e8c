"""Charges and refunds at the payment provider, as a service."""

"""Charges and refunds at the payment provider."""

"""The chassis: plumbing that modules and services share, without a business word in it."""

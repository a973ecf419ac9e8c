"""Plumbing without a business word: facts get out of a database, over Kafka, and into another one, each with one effect."""

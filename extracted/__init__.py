"""The services that have left the monolith."""

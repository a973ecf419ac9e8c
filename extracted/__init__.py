"""The services that leave the monolith, and the topics."""

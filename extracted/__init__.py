"""What has left the monolith, and what it shares with what is left of it: the kit."""

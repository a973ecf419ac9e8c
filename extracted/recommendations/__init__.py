"""Which events to suggest to whom, as a service: it answers from a copy that it builds itself."""

"""Mail to customers, as a service: it keeps copies of what it needs from other modules."""

"""Mail to customers: a service of its own, which knows what it needs from what others say."""

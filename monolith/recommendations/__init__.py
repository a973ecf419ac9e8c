"""Events that are booked by the same people, and which of them to suggest to whom."""

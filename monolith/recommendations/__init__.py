"""What is booked together, and what that says about a taste."""

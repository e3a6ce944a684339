"""What a session wants to change, and how that is laid over the person's text or taken back."""

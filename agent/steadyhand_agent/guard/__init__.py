"""What stands between a decision of the model and its execution."""

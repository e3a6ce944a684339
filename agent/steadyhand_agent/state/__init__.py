"""What survives the process: the journal and its tiers."""

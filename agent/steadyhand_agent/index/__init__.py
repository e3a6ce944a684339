"""The live index of a workspace's definitions, and the findings it gives."""

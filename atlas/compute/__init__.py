"""A run of the stages that are missing or stale: from network and images to an atlas's data."""

"""From an atlas's data to a site that is published whole or not at all. No torch."""

"""What is computed, as plain records, and where it stands: no torch, no pictures, no HTML."""

"""Evidence: what reconstructions prove, and which concepts units stand for."""

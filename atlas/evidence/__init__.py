"""What reconstructions prove, and what units can be named for."""

"""What long computations share: checkpoints, ranks, progress and compiled loops."""

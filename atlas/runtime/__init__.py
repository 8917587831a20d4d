"""What any long computation needs: checkpoints, ranks, progress, compiled loops."""

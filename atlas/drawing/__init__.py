"""From arrays to what the eye sees: tiles, plates and figures. No torch, no files."""

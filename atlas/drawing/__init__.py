"""Drawing: tiles, plates and figures from arrays. No torch, no files."""

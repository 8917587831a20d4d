"""Where stimuli come from: images, their preprocessing, duplicates and masks."""

"""Images and their stimuli, preprocessing, duplicates and masks."""

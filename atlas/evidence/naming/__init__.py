"""Names for units: scores of labels over all images, forms of labels, and how names are judged."""

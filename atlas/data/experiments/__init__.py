"""What experiments write: a module with the type of each one's document, and the table of all."""

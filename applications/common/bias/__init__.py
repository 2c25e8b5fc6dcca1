"""What the studies share in which a question tells the answer by itself."""

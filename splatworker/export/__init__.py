"""What is made of a trained splat: descriptions of it, and other formats."""

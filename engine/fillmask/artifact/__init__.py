"""A model folder: its layout, its manifest, its tokenizer; local or from the hub."""

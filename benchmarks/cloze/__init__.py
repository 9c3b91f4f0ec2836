"""What a masked LM knows of English: running text, relations, last words and minimal pairs."""

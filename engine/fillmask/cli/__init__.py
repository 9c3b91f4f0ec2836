"""The command ``fillmask``: ``main.py`` holds the table of commands, and each command is a module of its own."""

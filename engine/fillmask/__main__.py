"""``python -m fillmask`` is the command ``fillmask``."""

from fillmask.cli.main import main

if __name__ == "__main__":
    main(prog_name="fillmask")

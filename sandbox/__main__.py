"""The command `sandbox`, also as `python -m sandbox`: it listens to signals before it imports what takes time."""

from __future__ import annotations

from sandbox import stopping


def main() -> None:
    """Run the command line and exit."""
    stopping.listen()
    from sandbox.cli import main as command

    command()


if __name__ == "__main__":
    main()

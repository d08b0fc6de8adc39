"""`python -m jaxit`."""


def run() -> None:
    """Runs the command line."""
    from jaxit.cli.main import main

    main()


if __name__ == '__main__':
    run()

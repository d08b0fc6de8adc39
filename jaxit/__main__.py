"""`python -m jaxit`."""

from jaxit.cli.main import main

if __name__ == '__main__':
    main()

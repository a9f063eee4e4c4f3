"""`python -m app` is `foretell`."""

from app.cli import main

if __name__ == "__main__":
    main()

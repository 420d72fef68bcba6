"""Entry point of ``python -m OpenOrchestrator``."""

from OpenOrchestrator.cli.main import main

if __name__ == "__main__":
    main()

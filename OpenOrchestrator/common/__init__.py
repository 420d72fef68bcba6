"""What every other part may use: errors, clock, settings, encryption, dates. Imports nothing else of the package."""

"""The shared database: models, transitions, claims, stores, migrations. Knows no scheduler, robot or page."""

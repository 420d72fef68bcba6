"""Where robots run: checkouts of their code, and what they inherit."""

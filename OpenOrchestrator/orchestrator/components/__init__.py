"""Parts that pages are made of. They own labels, formats and looks, and know no table of the database."""

"""Parts of lists: tables, cells, filters and downloads."""

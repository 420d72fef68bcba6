"""Where the orders come from; stands in for a mailbox, a web service or a spreadsheet."""

CUSTOMERS = ("Alma", "Birk", "Clara", "Ditte", "Emil", "Freja")


def fetch_orders(count: int) -> list[dict]:
    """Return the newest orders, each with its number, its customer and an amount."""
    return [
        {"number": f"W-{number:03}", "customer": CUSTOMERS[number % len(CUSTOMERS)], "amount": number % 5 + 1}
        for number in range(1, count + 1)
    ]

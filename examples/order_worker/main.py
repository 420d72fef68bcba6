"""Queue robot: handles the orders in the queue until none is left."""

import time

from OpenOrchestrator.orchestrator_connection.connection import BusinessError, OrchestratorConnection


def handle(order: dict) -> str:
    """Handle one order and return what was done."""
    if order["amount"] <= 0:
        raise BusinessError(f"{order['customer']} ordered nothing.")
    time.sleep(0.25)  # stands in for the work
    return f"Sent {order['amount']} pieces to {order['customer']}."


def work(connection: OrchestratorConnection) -> None:
    """Handle all orders; one that cannot be handled does not stop the others."""
    for element in connection.work("Orders"):
        with element:
            result = handle(element.json)
            element.done(result)
            connection.log_info(f"{element.reference}: {result}")


if __name__ == "__main__":
    work(OrchestratorConnection.create_connection_from_args())

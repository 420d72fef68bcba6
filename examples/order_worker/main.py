"""Queue robot: handles the orders in the queue until none is left."""

import json
import time

from OpenOrchestrator.database.queues import QueueStatus
from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection


class BusinessError(Exception):
    """This order cannot be handled; the robot and the systems it works on are fine."""


def handle(order: dict) -> str:
    """Handle one order and return what was done."""
    if order["amount"] <= 0:
        raise BusinessError(f"{order['customer']} ordered nothing.")
    time.sleep(0.25)  # stands in for the work
    return f"Sent {order['amount']} pieces to {order['customer']}."


def work(connection: OrchestratorConnection) -> None:
    """Handle all orders; one that cannot be handled does not stop the others."""
    while element := connection.get_next_queue_element("Orders"):
        try:
            result = handle(json.loads(element.data))
        except BusinessError as error:
            connection.set_queue_element_status(element.id, QueueStatus.FAILED, message=str(error))
            connection.log_error(f"{element.reference}: {error}")
        else:
            connection.set_queue_element_status(element.id, QueueStatus.DONE, message=result)
            connection.log_info(f"{element.reference}: {result}")


if __name__ == "__main__":
    work(OrchestratorConnection.create_connection_from_args())

"""Single robot in a git repository: fetches orders and puts them into the queue."""

import json

from orders import fetch_orders

from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection


def fill_queue(connection: OrchestratorConnection) -> None:
    """Put as many orders into the queue as the arguments of the process say."""
    arguments = json.loads(connection.process_arguments)
    orders = fetch_orders(arguments["orders"])

    connection.bulk_create_queue_elements(
        "Orders",
        references=[order["number"] for order in orders],
        data=[json.dumps(order) for order in orders],
        created_by=connection.process_name,
    )
    connection.log_info(f"Put {len(orders)} orders into the queue.")


if __name__ == "__main__":
    fill_queue(OrchestratorConnection.create_connection_from_args())

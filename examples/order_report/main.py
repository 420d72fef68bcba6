"""Scheduled robot: reads a constant and a credential, and reports how many orders wait."""

from OpenOrchestrator.database.queues import QueueStatus
from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection


def report(connection: OrchestratorConnection) -> None:
    """Log on to the shop and count the orders that wait in the queue."""
    shop = connection.get_constant("Shop name").value
    login = connection.get_credential("Order system")
    # A real robot would log on with login.username and login.password here. The password is never logged.
    connection.log_trace(f"Logged on to {shop} as {login.username}.")

    waiting = connection.get_queue_elements("Orders", status=QueueStatus.NEW, limit=1000)
    connection.log_info(f"{shop}: {len(waiting)} orders wait to be handled.")


if __name__ == "__main__":
    report(OrchestratorConnection.create_connection_from_args())

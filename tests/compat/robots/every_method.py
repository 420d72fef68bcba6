"""A robot that uses every method of ``OrchestratorConnection`` its library has, and prints what it saw as JSON.

Runs in the environment of an older OpenOrchestrator, so it must not need anything newer than version 1.3.
"""

import json
import sys
from datetime import datetime, timedelta

from OpenOrchestrator.database.queues import QueueElement, QueueStatus
from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection


def main():
    connection = OrchestratorConnection.create_connection_from_args()
    seen = {"process": connection.process_name, "arguments": connection.process_arguments}

    connection.log_trace("trace æøå")
    connection.log_info("info")
    connection.log_error("error")

    seen["constant"] = connection.get_constant("address").value
    connection.update_constant("address", "new value")
    seen["constant_after"] = connection.get_constant("address").value
    try:
        connection.get_constant("missing")
    except ValueError as error:
        seen["missing"] = str(error)

    credential = connection.get_credential("login")
    seen["credential"] = [credential.username, credential.password]
    connection.update_credential("login", "new user", "new pæssword")
    credential = connection.get_credential("login")
    seen["credential_after"] = [credential.username, credential.password]

    made = connection.create_queue_element("work", reference="one", data='{"a": 1}', created_by="robot")
    assert isinstance(made, QueueElement)
    connection.bulk_create_queue_elements("work", ("two", "three"), ("2", None), created_by="robot")
    seen["references"] = sorted(element.reference for element in connection.get_queue_elements("work"))

    looked = connection.get_next_queue_element("work", set_status=False)
    seen["looked"] = [looked.reference, looked.status.name]
    first = connection.get_next_queue_element("work")
    seen["first"] = [first.reference, first.data, first.status.name]
    connection.set_queue_element_status(first.id, QueueStatus.DONE)
    third = connection.get_next_queue_element("work", "three")
    seen["third"] = [third.reference, third.data]
    connection.set_queue_element_status(element_id=third.id, status=QueueStatus.FAILED, message="it broke")
    seen["done"] = [element.reference for element in connection.get_queue_elements("work", status=QueueStatus.DONE)]
    seen["by_reference"] = [element.status.name for element in connection.get_queue_elements("work", reference="three")]
    now = datetime.now()
    seen["by_date"] = len(
        connection.get_queue_elements(
            "work", from_date=now - timedelta(days=2), to_date=now + timedelta(days=2), limit=99999999
        )
    )
    seen["page"] = len(connection.get_queue_elements("work", offset=1, limit=1))
    second = connection.get_queue_elements("work", status=QueueStatus.NEW)[0]
    connection.delete_queue_element(second.id)
    seen["left"] = len(connection.get_queue_elements("work"))
    seen["next"] = connection.get_next_queue_element("work")

    if getattr(connection, "trigger_id", None):
        seen["pausing"] = connection.is_trigger_pausing()
        connection.pause_my_trigger()
        seen["pausing_after"] = connection.is_trigger_pausing()
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
    sys.exit(0)

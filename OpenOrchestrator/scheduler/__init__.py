"""The program of a worker machine: starts robots when their triggers are due, and stays with them to their end.

The way of a due trigger: ``loop.polling`` looks, ``loop.dispatch`` has it chosen and claimed (``claiming``) and gives
the run to a supervisor; ``runs.supervisor`` has it prepared (``workspace``), starts its robot host (``runs.launcher``)
and stores its end (``runs.run_record``). The host (``host``) is a process of its own, so that it outlives this one.

- Time-out of a run: ``host.time_limit``. A robot that does not stop: ``host.robot_stop``.
- A request to kill: ``runs.kill_requests``. The scheduler itself is to stop: ``loop.shutdown``.
- The name, and how it is taken over: ``presence.name``. Leases and heartbeat: ``presence.keeper``. Jobs of schedulers
  that are gone: ``presence.reaper``.
- After a restart: ``recovery.restart``.
"""

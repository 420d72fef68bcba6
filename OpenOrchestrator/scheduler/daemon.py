"""The daemon of a worker machine: one scheduler, put together from its parts.

Owns the order of a life: wait for the database, take the name, take over what an earlier start left, work, shut down,
give the name up. The way of a due trigger is ``loop.polling`` (or ``loop.once``), ``loop.dispatch``,
``runs.supervisor``.
"""

from __future__ import annotations

import platform
from uuid import UUID

from OpenOrchestrator import __version__
from OpenOrchestrator.common.errors import (
    ConfigurationError,
    DatabaseError,
    LaunchError,
    LoginRefusedError,
    SchedulerNameInUseError,
    TransientDatabaseError,
)
from OpenOrchestrator.common.shortage import is_shortage
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import LEASE_SECONDS, Identity
from OpenOrchestrator.database.schema import revisions
from OpenOrchestrator.database.stores import site_identity, uses
from OpenOrchestrator.scheduler.claiming.claiming import Claiming
from OpenOrchestrator.scheduler.claiming.poison import Poison
from OpenOrchestrator.scheduler.contact import Contact, elapsed, is_outage, is_passing, pause_after
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.loop.bell import Bell
from OpenOrchestrator.scheduler.loop.dispatch import Dispatch
from OpenOrchestrator.scheduler.loop.gate import Gate
from OpenOrchestrator.scheduler.loop.once import Once
from OpenOrchestrator.scheduler.loop.polling import Polling
from OpenOrchestrator.scheduler.loop.run_table import RunTable
from OpenOrchestrator.scheduler.loop.shutdown import Shutdown
from OpenOrchestrator.scheduler.loop.stop_requests import StopRequests
from OpenOrchestrator.scheduler.options import SchedulerOptions
from OpenOrchestrator.scheduler.presence.keeper import Enrolment, Keeper
from OpenOrchestrator.scheduler.presence.lease_keeper import LeaseKeeper
from OpenOrchestrator.scheduler.presence.name import SchedulerName
from OpenOrchestrator.scheduler.presence.reaper import Reaper
from OpenOrchestrator.scheduler.recovery.leftovers import clear_up_all
from OpenOrchestrator.scheduler.recovery.restart import recover
from OpenOrchestrator.scheduler.recovery.unfollowed import Unfollowed
from OpenOrchestrator.scheduler.retention import Retention
from OpenOrchestrator.scheduler.runs.screenshots import screenshots_for
from OpenOrchestrator.scheduler.runs.services import Services
from OpenOrchestrator.scheduler.runs.supervisor import Supervisor
from OpenOrchestrator.scheduler.workspace.housekeeping import Housekeeping
from OpenOrchestrator.scheduler.workspace.preparation import RobotPreparation

_NAME_POLL_SECONDS = 1.0
_NAME_PATIENCE_SECONDS = 15.0
_CLEAR_UP_SECONDS = 600.0


class Daemon:
    """One scheduler.

    Args:
        database: The shared database.
        options: How it works.
        crypto_key: Handed to robots.
        events: Told about everything it does.
    """

    def __init__(self, database: Database, options: SchedulerOptions, *, crypto_key: str, events: Events) -> None:
        self._database = database
        self._options = options
        self._events = events
        self._identity = Identity(options.name, machine=platform.node(), labels=options.labels)
        self._site = ""
        self._bell = Bell()
        self._stop = StopRequests(self._bell)
        self._contact = Contact(events)
        self._name = SchedulerName(
            database, self._identity, slots=options.max_jobs, events=events, on_lost=self.request_stop
        )
        self._runs = RunTable(self._bell)
        self._preparation = RobotPreparation(
            options.workspace,
            options.python,
            connection_string=database.connection_string,
            crypto_key=crypto_key,
            on_end=self._runs.host_ended,
        )
        self._services = Services(
            database=database,
            events=events,
            contact=self._contact,
            prepare=self._preparation,
            screenshots=screenshots_for(database, events),
            on_over=self._run_is_over,
        )
        claiming = Claiming(database, self._identity, options, Poison(database, events))
        unfollowed = Unfollowed(database, self._identity, events, followed=self._followed)
        self._dispatch = Dispatch(database, claiming, self._runs, self._services, unfollowed)
        self._gate = Gate(
            database,
            self._identity,
            running=lambda: len(self._runs.supervisors()),
            events=events,
            contact=self._contact,
        )
        self._lease_keeper = LeaseKeeper(
            database, self._identity, supervisors=self._runs.supervisors, events=events, contact=self._contact
        )
        self._keeper = Keeper(
            database,
            self._identity,
            running_jobs=lambda: len(self._runs.supervisors()),
            events=events,
            contact=self._contact,
            enrolment=Enrolment(regain=self._name.regain, reaper=Reaper(database, self._identity, events)),
        )
        self._housekeeping = (
            Housekeeping(self._preparation.clean_up, events),
            Housekeeping(self._clear_up, events, every_seconds=_CLEAR_UP_SECONDS),
            Housekeeping(self._forget_uses, events, what="forgetting what has long not been used"),
            Retention(database, events),
        )

    def request_stop(self) -> None:
        """Ask the daemon to stop; the second time, not to wait for robots. Safe in signal handlers and all threads."""
        self._stop.add()

    def ring_on_signals(self) -> None:
        """Let signals that have a handler wake the daemon at once, on Windows too. Only from the main thread."""
        self._bell.ring_on_signals()

    def run(self) -> int:
        """Work until asked to stop or drained, or once if the options say so. A server that is away yet is waited for.

        Returns:
            The exit status: 0, or 1 if a run of ``once`` failed or another daemon took the name.

        Raises:
            ConfigurationError: What an earlier start left in the workspace cannot be read.
            RevisionError: The database is of another revision than this program.
            SchedulerNameInUseError: Another live scheduler has this name.
            DatabaseError: The database cannot be used at the start, and waiting would not help.
        """
        try:
            # Whoever asked it to stop while it waited gets what was asked for: that is no failure.
            return self._live() if self._await_database() and self._take_name() else 0
        finally:
            self._bell.close()
            self._events.flush()

    def _live(self) -> int:
        try:
            self._events.started_up(
                name=self._options.name,
                version=__version__,
                database=self._database.masked_connection_string,
                max_jobs=self._options.max_jobs,
                workspace=self._options.workspace,
                site=self._site,
            )
            self._lease_keeper.start()
            self._keeper.start()
            self._gate.begin()
            self._take_over()
            for each in self._housekeeping:
                each.start()
            self._work()
            self._shut_down()
        finally:
            self._sign_off()
        return 1 if self._name.is_lost or (self._options.once and not self._runs.all_succeeded) else 0

    def _await_database(self) -> bool:
        """Look whether the database is of this program's revision, as soon as its server can be reached.

        A machine may start before its database, and nobody may be there to start this daemon again.

        Returns:
            Whether to go on. False: asked to stop meanwhile.

        Raises:
            RevisionError: It is of another revision.
            DatabaseError: It cannot be used, and is not waited for.
        """
        failures = 0
        while True:
            try:
                revisions.check_exact(self._database)
                self._site = self._database.read(site_identity.read).name
            except DatabaseError as error:
                if not self._waits_for(error):
                    raise
                self._contact.failed(error)
            else:
                self._contact.succeeded()
                return True
            failures += 1
            if not self._stop.asked:
                self._bell.sleep(pause_after(failures))
            if self._stop.asked:
                return False

    def _waits_for(self, error: DatabaseError) -> bool:
        """Tell whether the start waits until an error has passed: not for a file, nor for a login that is refused."""
        if self._options.once or isinstance(error, LoginRefusedError):
            return False
        if isinstance(error, TransientDatabaseError):
            return True
        return is_outage(error) and self._database.dialect_name != "sqlite"

    def _take_name(self) -> bool:
        """Take the name; from a daemon that may be gone or not, once its lease has run out and it is not heard of.

        Somebody who holds its row locked is waited for, and a server that goes away again, too.

        Returns:
            Whether to go on. False: asked to stop meanwhile.

        Raises:
            SchedulerNameInUseError: Another live scheduler has this name.
            DatabaseError: The database cannot be used, and is not waited for.
        """
        give_up_at = elapsed() + LEASE_SECONDS + _NAME_PATIENCE_SECONDS
        told = False
        while True:
            try:
                self._name.take()
            except DatabaseError as error:
                if not self._waits_for(error):
                    raise
                self._contact.failed(error)
                if self._stop.asked:
                    return False
                self._bell.sleep(_NAME_POLL_SECONDS)
                give_up_at = elapsed() + LEASE_SECONDS + _NAME_PATIENCE_SECONDS
                continue
            except SchedulerNameInUseError:
                if not self._name.holder_may_be_gone or self._stop.asked or elapsed() >= give_up_at:
                    raise
            else:
                self._contact.succeeded()
                return True
            if not told:
                told = True
                self._events.name_awaited(self._options.name, LEASE_SECONDS + _NAME_PATIENCE_SECONDS)
            self._bell.sleep(_NAME_POLL_SECONDS)

    def _take_over(self) -> None:
        """Follow the robots of an earlier start of this scheduler, and settle what else it left.

        Those that are followed by then must not pay for a database that is away, nor for rows that somebody holds
        locked: both are waited for.

        Raises:
            ConfigurationError: The files cannot be read, for a reason that stays, while nothing is followed.
            DatabaseError: The database refuses it, or cannot be used while nothing is followed (``once``).
        """
        failures = 0
        while not self._stop.asked and not self._took_over():
            failures += 1
            self._bell.sleep(pause_after(failures))

    def _took_over(self) -> bool:
        try:
            for adopted in recover(
                self._database,
                self._identity,
                workspace=self._options.workspace,
                events=self._events,
                followed=self._followed,
            ):
                self._dispatch.follow(adopted.job, adopted.directory)
        except DatabaseError as error:
            if not is_passing(error) or (self._options.once and not self._runs.supervisors()):
                raise
            self._contact.failed(error)
            return False
        except (OSError, MemoryError, RuntimeError) as error:
            if isinstance(error, OSError) and not is_shortage(error) and not self._runs.supervisors():
                raise ConfigurationError(
                    f"What an earlier start left in the workspace {self._options.workspace} cannot be read: "
                    f"{error.strerror or error}. Give it to this account, or choose another folder with the option "
                    "--workspace or the setting OpenOrchestratorWorkspace."
                ) from error
            self._events.unexpected("taking over what an earlier start left", error)
            return False
        return True

    def _clear_up(self) -> None:
        clear_up_all(self._database, self._options.workspace, self._events, followed=self._followed)

    def _forget_uses(self) -> None:
        today = self._database.site_now().date()
        self._database.write(lambda session: uses.forget_old(session, today))

    def _followed(self) -> frozenset[UUID]:
        return frozenset(job.job_id for job in self._runs.jobs())

    def _work(self) -> None:
        if self._options.once:
            Once(
                self._database,
                self._dispatch,
                self._gate,
                self._runs,
                poll_interval=self._options.poll_interval,
                bell=self._bell,
                stop=self._stop,
                events=self._events,
                contact=self._contact,
            ).run()
        else:
            Polling(
                self._database,
                self._dispatch,
                self._gate,
                poll_interval=self._options.poll_interval,
                bell=self._bell,
                stop=self._stop,
                events=self._events,
                contact=self._contact,
            ).run()

    def _shut_down(self) -> None:
        Shutdown(
            self._database,
            self._identity,
            self._options,
            runs=self._runs,
            dispatch=self._dispatch,
            services=self._services,
            bell=self._bell,
            stop=self._stop,
            name_is_taken=lambda: self._name.is_lost,
            stop_keeping=self._lease_keeper.stop,
        ).run()

    def _sign_off(self) -> None:
        for each in self._housekeeping:
            each.stop()
        self._preparation.await_builds()
        self._lease_keeper.stop()
        self._keeper.stop()
        try:
            self._name.give_up()
        except DatabaseError as error:
            # The lease of the name runs out by itself.
            self._contact.failed(error)

    def _run_is_over(self, supervisor: Supervisor) -> None:
        """Called from the thread of a run when it needs nobody any more."""
        if supervisor.had_no_means:
            self._dispatch.rest()
        if self._options.once:
            # The last run's removal ends the process.
            self._release(supervisor)
            self._runs.remove(supervisor)
        elif self._runs.remove(supervisor):
            self._release(supervisor)
            self._prepare_next(supervisor)

    def _release(self, supervisor: Supervisor) -> None:
        if supervisor.was_left:
            return
        try:
            self._preparation.release(supervisor.job.job_id)
        except OSError as error:
            self._events.unexpected(f"deleting the folder of job {supervisor.job.job_id}", error)

    def _prepare_next(self, supervisor: Supervisor) -> None:
        if supervisor.was_left or self._stop.asked:
            self._preparation.forget(supervisor.job.job_id)
            return
        try:
            self._preparation.prepare_next(supervisor.job.job_id)
        except (LaunchError, OSError) as error:
            self._events.unexpected(f'preparing the next run of "{supervisor.job.trigger_name}"', error)

"""Import of a file into a queue: choose it, look what each line would become, and only then write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from nicegui import events, ui

from OpenOrchestrator.common.errors import DatabaseError, InvalidInputError
from OpenOrchestrator.orchestrator.components import feedback, times
from OpenOrchestrator.orchestrator.components.buttons import ghost, icon_button, primary, secondary
from OpenOrchestrator.orchestrator.components.forms.fields import segmented, switch
from OpenOrchestrator.orchestrator.components.tables import cells
from OpenOrchestrator.orchestrator.components.tables.data_table import Column, DataTable, Row
from OpenOrchestrator.orchestrator.components.tables.paging import PAGE_SIZES, Pager
from OpenOrchestrator.orchestrator.queues.backend.csv_columns import ColumnMap
from OpenOrchestrator.orchestrator.queues.backend.csv_import import (
    MOST_BYTES,
    CsvImportBackend,
    ImportLine,
    ImportPreview,
)
from OpenOrchestrator.orchestrator.queues.elements.column_choice import ColumnChoice

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.live.view import View

_COLUMNS = (
    Column("line", "Line", "64px", right=True, phone=True, phone_width="52px"),
    Column("reference", "Reference", "21%", phone=True),
    Column("data", "Data"),
    Column("what", "What happens", "46%", phone=True),
)
_SEPARATORS = {";": "semicolons", ",": "commas", "\t": "tabs"}


def import_elements(view: View, queue: str, on_done: Callable[[], Any]) -> None:
    """Open the import into a queue."""
    with view.container:
        _Import(view, queue, on_done).open()


class _Import:
    """One open import."""

    def __init__(self, view: View, queue: str, on_done: Callable[[], Any]) -> None:
        self._view = view
        self._queue = queue
        self._address = view.form_address("import")
        self._on_done = on_done
        self._backend = CsvImportBackend(view.database, view.clock)
        self._preview: ImportPreview | None = None
        self._file = "", b""
        self._shown: tuple[ImportLine, ...] = ()
        self._page = 1
        self._size = PAGE_SIZES[0]
        with ui.dialog().props("position=right full-height persistent no-esc-dismiss") as self.dialog:
            self.dialog.props["aria-label"] = "Import elements"
            panel = ui.element("div").classes("oo-drawer")
        panel.on("keydown.esc", self.close)
        with panel:
            with ui.element("div").classes("oo-dh"):
                ui.icon("sym_r_upload_file").classes("oo-i20 oo-fg-acc")
                with ui.element("h2"):
                    ui.label("Import elements")
                ui.label(queue).classes("oo-t3 oo-el oo-grow")
                icon_button("sym_r_close", "Close", self.close, marker="close-import")
            with ui.element("div").classes("oo-db").style("padding: 0"):
                self._body = ui.element("div").classes("oo-drawer-in")
            with ui.element("div").classes("oo-df"):
                self._status = ui.label().classes("oo-t3 oo-sm").mark("import-status")
                ui.element("span").classes("oo-sp")
                ghost("Cancel", self.close, marker="cancel-import")
                self._write_button = primary("Import", self._write, marker="import")
        self._ask()

    def open(self) -> None:
        """Show it."""
        self.dialog.open()
        self._address.show(self._address.key)

    def close(self) -> None:
        """Close it; nothing is written."""
        self.dialog.close()
        self._address.show(None)
        ui.timer(0.4, self.dialog.delete, once=True)

    def _ask(self) -> None:
        self._body.clear()
        self._write_button.disable()
        self._status.set_text("Nothing is written before you have seen what each line becomes.")
        with self._body:
            upload = ui.upload(on_upload=self._uploaded, on_rejected=self._rejected, auto_upload=True)
            upload.props(f"accept=.csv,.txt,text/csv max-file-size={MOST_BYTES} hide-upload-btn flat")
            upload.classes("oo-upload").mark("upload")
            with upload.add_slot("list"), ui.element("div").classes("oo-drop-zone"):
                ui.icon("sym_r_upload_file").classes("oo-big")
                ui.label("Drop a CSV file here, or choose one.").classes("oo-b")
                pick = secondary("Choose file", marker="choose-file")
                pick.on("click", js_handler=f"() => getElement({upload.id}).$refs.qRef.pickFiles()")
            self._problem = ui.label().classes("oo-alert oo-pre").mark("import-problem")
            self._problem.set_visibility(False)
            with ui.element("div").classes("oo-col oo-t2").style("gap: 6px"):
                ui.label(
                    "The first line names the columns: Reference, Data, Created by. Where it has other names, you "
                    "choose which column is the reference, and which become the data, as JSON."
                )
                ui.label(
                    "A file that was exported here can be imported again: every line becomes a New element. "
                    "Semicolons, commas and tabs are understood, and so are files that Excel saved."
                )

    async def _uploaded(self, event: events.UploadEventArguments) -> None:
        name = event.file.name
        if event.file.size() > MOST_BYTES:
            self._rejected()
            return
        self._file = name, await event.file.read()
        problem = await self._look()
        if problem is not None:
            self._say(problem)

    async def _look(self, columns: ColumnMap | None = None, *, usual: bool = False) -> str | None:
        """Show what the file would become; returns what is wrong with it otherwise."""
        name, content = self._file
        try:
            self._preview = await self._backend.preview(self._queue, name, content, columns, usual=usual)
        except InvalidInputError as error:
            return f"{name}: {error}"
        except DatabaseError as error:
            return f"The database does not answer: {error}"
        with self._view.container:
            self._show_preview(self._preview)
        return None

    async def _map(self, columns: ColumnMap) -> None:
        problem = await self._look(columns)
        if problem is not None:
            self._columns.say(problem)
            self._write_button.disable()

    def _rejected(self) -> None:
        self._say(f"This file cannot be taken: it has to be one CSV file of at most {MOST_BYTES // 1024 // 1024} MB.")

    def _say(self, problem: str) -> None:
        self._problem.set_text(problem)
        self._problem.set_visibility(True)

    def _show_preview(self, preview: ImportPreview) -> None:
        self._body.clear()
        with self._body:
            separators = _SEPARATORS.get(preview.delimiter, preview.delimiter)
            lines = _count(len(preview.lines), "line")
            ui.label(f"{preview.name}: {lines}, read as {preview.encoding} with {separators}.").mark("import-file")
            if preview.encoding == "Windows-1252":
                ui.label("Look at the special letters below: the file does not say how they are written.").classes(
                    "oo-t2"
                )
            for note in preview.notes:
                ui.label(note).classes("oo-t2").mark("import-note")
            self._columns = ColumnChoice(preview, self._map, lambda: self._look(usual=True))
            if preview.ignored:
                ui.label(f"Not imported: {', '.join(preview.ignored)}. All elements become New.").classes("oo-t2")
            self._known = switch(
                f"Import the {_count(preview.known, 'line')} whose reference the queue has already, too",
                value=False,
                marker="known-too",
            )
            self._known.set_visibility(preview.known > 0)
            self._known.on_value_change(self._changed)
            self._leave_out = switch(
                f"Leave out the {_count(preview.wrong, 'line')} that cannot be imported",
                value=False,
                marker="leave-out",
            )
            self._leave_out.set_visibility(preview.wrong > 0)
            self._leave_out.on_value_change(self._changed)
            options = {"": f"All {times.number(len(preview.lines))}"}
            if preview.wrong:
                options["wrong"] = f"Problems {times.number(preview.wrong)}"
            if preview.known:
                options["known"] = f"In the queue {times.number(preview.known)}"
            self._segment = segmented(options, "wrong" if preview.wrong else "", label="Show", marker="import-show")
            self._segment.on_value_change(lambda: self._turn(1))
            self._segment.set_visibility(len(options) > 1)
            with ui.element("div").classes("oo-card oo-compact"):
                self._table = DataTable("Lines of the file", _COLUMNS, clickable=False).mark("import-lines")
                self._pager = Pager(on_page=self._turn, on_size=self._resize)
            with ui.element("div"):
                ghost("Choose another file", self._ask, icon="sym_r_arrow_back", small=True, marker="other-file")
        self._turn(1)
        self._changed()

    def _resize(self, size: int) -> None:
        self._size = size
        self._turn(1)

    def _turn(self, page: int) -> None:
        assert self._preview is not None  # noqa: S101  (there is a table only with a preview)
        segment = self._segment.value
        matching: Sequence[ImportLine] = self._preview.lines
        if segment == "wrong":
            matching = [line for line in matching if line.problem]
        elif segment == "known":
            matching = [line for line in matching if line.known and not line.problem]
        self._page = page
        part = matching[(page - 1) * self._size : page * self._size]
        self._shown = tuple(part)
        self._table.show([_row(line, known_too=bool(self._known.value)) for line in part])
        self._pager.show(page=page, size=self._size, shown=len(part), total=len(matching))

    def _changed(self) -> None:
        preview = self._preview
        assert preview is not None  # noqa: S101  (the switches stand with a preview)
        self._table.show([_row(line, known_too=bool(self._known.value)) for line in self._shown])
        count = len(preview.chosen(known_too=bool(self._known.value)))
        self._write_button.set_text(f"Import {_count(count, 'element')}")
        blocked = preview.wrong > 0 and not self._leave_out.value
        self._write_button.set_enabled(count > 0 and not blocked)
        self._status.set_text(
            f"{_count(preview.wrong, 'line')} cannot be imported: correct the file, or leave them out."
            if blocked
            else ""
        )

    async def _write(self) -> None:
        preview = self._preview
        if preview is None:
            return
        lines = preview.chosen(known_too=bool(self._known.value))
        self._write_button.disable()
        with self._view.container:
            written = await self._view.act(lambda: self._backend.write(preview, lines), name=f"Import {preview.name}")
            if written is None:
                self._write_button.enable()
                return
            feedback.done(f"{_count(written, 'element')} {'was' if written == 1 else 'were'} imported")
            self.close()
            self._on_done()


def _row(line: ImportLine, *, known_too: bool) -> Row:
    if line.problem:
        what = cells.text(line.problem, tone="failed", icon="r_error", tip=line.problem)
    elif line.known and not known_too:
        what = cells.text("Left out: in the queue already", tone="t3", icon="sym_r_content_copy")
    elif line.note:
        what = cells.text(f"New. {line.note}", tone="timeout", icon="r_warning", tip=line.note)
    else:
        what = cells.text("New", icon="sym_r_inbox")
    return Row(
        id=str(line.number),
        name=f"line {line.number}",
        cells={
            "line": cells.text(str(line.number), tone="t3"),
            "reference": cells.text(line.reference[:120], mono=True),
            "data": cells.text(line.data[:160], mono=True, tone="t2"),
            "what": what,
        },
    )


def _count(number: int, what: str) -> str:
    return f"{times.number(number)} {what}{'' if number == 1 else 's'}"

"""Annotations of a page: what annotation tools and form fields leave beside the page's own content."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from harness.pdf.view import Affine, Box, around

__all__ = ["annotations_of"]

MOST = 3_000                # of a page
MOST_TEXT = 1_000           # characters of an annotation or field


def annotations_of(document: Any, page: Any, view: Affine) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Give the marks and the form fields of a page.

    Returns:
        Marks: "kind" (ink, stamp, free text, highlight, ...), "box", "text". Fields: "name", "kind" (check,
        radio, text, choice), "box", "value", "export", "checked" (None where it is no button).

    """
    import pypdfium2.raw as pdfium

    kinds = {
        pdfium.FPDF_ANNOT_INK: "ink", pdfium.FPDF_ANNOT_STAMP: "stamp", pdfium.FPDF_ANNOT_FREETEXT: "free text",
        pdfium.FPDF_ANNOT_HIGHLIGHT: "highlight", pdfium.FPDF_ANNOT_STRIKEOUT: "strike",
        pdfium.FPDF_ANNOT_UNDERLINE: "underline", pdfium.FPDF_ANNOT_SQUIGGLY: "squiggle",
        pdfium.FPDF_ANNOT_LINE: "stroke", pdfium.FPDF_ANNOT_POLYGON: "stroke", pdfium.FPDF_ANNOT_POLYLINE: "stroke",
        pdfium.FPDF_ANNOT_CIRCLE: "circle", pdfium.FPDF_ANNOT_SQUARE: "circle", pdfium.FPDF_ANNOT_TEXT: "note",
    }
    marks, fields = [], []
    for annotation in _each(page):
        if pdfium.FPDFAnnot_GetFlags(annotation) & (pdfium.FPDF_ANNOT_FLAG_HIDDEN | pdfium.FPDF_ANNOT_FLAG_NOVIEW):
            continue
        kind = pdfium.FPDFAnnot_GetSubtype(annotation)
        if kind == pdfium.FPDF_ANNOT_WIDGET and document.formenv:
            field = _field(document, annotation, view)
            if field:
                fields.append(field)
        elif kind in kinds:
            text = _text(annotation, b"Contents")
            marks += [{"kind": kinds[kind], "box": box, "text": text} for box in _places(annotation, view)]
    return marks, fields


def _each(page: Any) -> Iterator[Any]:
    import pypdfium2.raw as pdfium

    for index in range(min(pdfium.FPDFPage_GetAnnotCount(page), MOST)):
        annotation = pdfium.FPDFPage_GetAnnot(page, index)
        if annotation:
            with closing(_Held(annotation)) as held:
                yield held.annotation


class _Held:
    """An annotation that PDFium wants back."""

    def __init__(self, annotation: Any) -> None:
        self.annotation = annotation

    def close(self) -> None:
        import pypdfium2.raw as pdfium

        pdfium.FPDFPage_CloseAnnot(self.annotation)


def _places(annotation: Any, view: Affine) -> list[Box]:
    """Give where an annotation is seen: its strokes or quadrilaterals where it has such, else its rectangle."""
    import pypdfium2.raw as pdfium

    boxes = []
    for index in range(min(pdfium.FPDFAnnot_GetInkListCount(annotation), 200)):
        size = pdfium.FPDFAnnot_GetInkListPath(annotation, index, None, 0)
        if 0 < size <= 10_000:
            points = (pdfium.FS_POINTF * size)()
            pdfium.FPDFAnnot_GetInkListPath(annotation, index, points, size)
            boxes.append(around([view(point.x, point.y) for point in points]))
    if boxes:
        return boxes
    if pdfium.FPDFAnnot_HasAttachmentPoints(annotation):
        for index in range(min(pdfium.FPDFAnnot_CountAttachmentPoints(annotation), 200)):
            quad = pdfium.FS_QUADPOINTSF()
            if pdfium.FPDFAnnot_GetAttachmentPoints(annotation, index, quad):
                boxes.append(around([view(getattr(quad, f"x{n}"), getattr(quad, f"y{n}")) for n in (1, 2, 3, 4)]))
        if boxes:
            return boxes
    start, end = pdfium.FS_POINTF(), pdfium.FS_POINTF()
    if pdfium.FPDFAnnot_GetLine(annotation, start, end):
        return [around([view(start.x, start.y), view(end.x, end.y)])]
    return [_rectangle(annotation, view)]


def _rectangle(annotation: Any, view: Affine) -> Box:
    import pypdfium2.raw as pdfium

    rectangle = pdfium.FS_RECTF()
    pdfium.FPDFAnnot_GetRect(annotation, rectangle)
    return view.box(rectangle.left, rectangle.bottom, rectangle.right, rectangle.top)


def _field(document: Any, annotation: Any, view: Affine) -> dict[str, Any] | None:
    import pypdfium2.raw as pdfium

    form = document.formenv
    kinds = {
        pdfium.FPDF_FORMFIELD_CHECKBOX: "check", pdfium.FPDF_FORMFIELD_RADIOBUTTON: "radio",
        pdfium.FPDF_FORMFIELD_TEXTFIELD: "text", pdfium.FPDF_FORMFIELD_COMBOBOX: "choice",
        pdfium.FPDF_FORMFIELD_LISTBOX: "choice",
    }
    kind = kinds.get(pdfium.FPDFAnnot_GetFormFieldType(form, annotation))
    if kind is None:
        return None

    def said(function: Any) -> str:
        return _string(lambda buffer, size: function(form, annotation, buffer, size))

    checked = None
    if kind in {"check", "radio"}:
        checked = bool(pdfium.FPDFAnnot_IsChecked(form, annotation))
    return {
        "name": said(pdfium.FPDFAnnot_GetFormFieldName), "kind": kind, "box": _rectangle(annotation, view),
        "value": said(pdfium.FPDFAnnot_GetFormFieldValue), "checked": checked,
        "export": said(pdfium.FPDFAnnot_GetFormFieldExportValue) if checked is not None else "",
        "state": _text(annotation, b"AS"),
    }


def _text(annotation: Any, key: bytes) -> str:
    import pypdfium2.raw as pdfium

    return _string(lambda buffer, size: pdfium.FPDFAnnot_GetStringValue(annotation, key, buffer, size))


def _string(ask: Any) -> str:
    """Fetch a text by PDFium's custom: ask for its size in bytes, then for the UTF-16 text."""
    import pypdfium2.raw as pdfium

    size = min(ask(None, 0), 2**20)
    if size <= 2:
        return ""
    buffer = ctypes.create_string_buffer(size)
    ask(ctypes.cast(buffer, ctypes.POINTER(pdfium.FPDF_WCHAR)), size)
    text = buffer.raw[:size].decode("utf-16-le", errors="replace").split("\0", 1)[0]
    return text[:MOST_TEXT]

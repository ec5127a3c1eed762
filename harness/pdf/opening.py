"""Opens a PDF, or says in a word why it cannot be read."""

from __future__ import annotations

from typing import Any

__all__ = ["opened"]


def opened(path: str, *, most_pages: int, forms: bool = False) -> Any:
    """Give the document; instead of it {"error": "password", "format" or "pages"} where it cannot be read.

    No script in the file is run: this PDFium is built without a JavaScript engine, and the actions of a document
    are never called, also where `forms` sets up what its form fields need to be read.
    """
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(path)
        if forms:
            document.init_forms()
        pages = len(document)
    except pypdfium2.PdfiumError as error:
        locked = getattr(error, "err_code", None) in {
            pypdfium2.raw.FPDF_ERR_PASSWORD, pypdfium2.raw.FPDF_ERR_SECURITY}
        return {"error": "password" if locked else "format"}
    if not 0 < pages <= most_pages:
        return {"error": "pages" if pages else "format", "pages": pages}
    return document

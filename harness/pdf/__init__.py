"""PDFs of strangers, read in a process of its own: `apart.run` starts it, the other files are what runs in it.

A PDF comes from a stranger and PDFium is a large C++ program: whatever a file makes it do ends that process, not
the grade. Nothing here decides anything; it reports what is on the pages.
"""

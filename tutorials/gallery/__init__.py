"""Renders the tutorials as pages: `python -m tutorials.gallery --output DIR`.

Each page is one file that needs no network: prose, code, what the code printed
and its figures, from a run made while the page is written.
"""

"""The course's other half: builds the notebooks, and judges what comes back.

``python -m grading build`` makes ``labs/`` from the sources here; ``grade`` judges a class's
submissions; ``try`` judges an answers file.  Student code never runs in the judge's process:
see ``PROTOCOL.md``.
"""

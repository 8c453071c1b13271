"""A cache at work on Python's own standard library; `python -m examples.demo` runs it.

Every import found in the interpreter's library sources is one request for the analysis of the imported module. Needs
nothing but the interpreter and OmniCache.
"""

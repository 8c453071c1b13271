"""The rules of HTTP caching as pure functions: one module for each part of the RFCs, and the time is an argument.

Header fields are pairs of bytes in the order in which they came, with names in lower case, as ASGI has them.
"""

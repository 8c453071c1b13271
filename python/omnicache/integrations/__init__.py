"""OmniCache in other people's frameworks; each module here is imported only by those who use it.

``omnicache.integrations.asgi`` has the HTTP cache for any ASGI application, ``omnicache.integrations.starlette`` and
``omnicache.integrations.fastapi`` what these frameworks add to it, ``omnicache.integrations.http`` the rules of HTTP
caching as plain functions.
"""

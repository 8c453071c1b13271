"""What operators do with caches, as plain functions over plain data: the layer below command line, REST and dashboard.

:class:`~omnicache._manage.service.Service` does it in this process, :class:`~omnicache._manage.remote.RemoteService`
asks another process to do it. Both have the methods of :class:`~omnicache._manage.management.Management`.
"""

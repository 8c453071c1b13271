"""Real Redis servers for tests: started on free loopback ports in directories of their own, and gone at the end.

`single()` is one server for the whole process, which costs a test nothing; whoever breaks servers starts their own.
"""

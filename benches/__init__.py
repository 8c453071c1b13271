"""How fast OmniCache is, beside the other caches for Python: `python -m benches [group ...] [--quick]`."""

"""Caches whose entries are bytes that other processes see too."""

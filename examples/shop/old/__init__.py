"""The old shop: synchronous, Flask on a pool of threads. It has served for years, and its answers are the measure."""

"""What the studies share: runs, settings, tables, callbacks and figures."""

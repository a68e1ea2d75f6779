"""Finished runs: kept on disk, listed, compared, restored, saved."""

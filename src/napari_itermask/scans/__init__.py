"""What a scan is, on disk and in space."""

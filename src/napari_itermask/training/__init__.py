"""From healthy scans to a model."""

"""Many scans: which cases there are, and what was found in them."""

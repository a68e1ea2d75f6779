"""Where a volume lies in the viewer, in mm, and what a layer says of its place."""

"""Why did a scan fail? Its truth, its components, a voxel's story, its stability."""

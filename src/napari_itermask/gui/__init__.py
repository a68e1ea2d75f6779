"""The only place that knows napari and Qt."""

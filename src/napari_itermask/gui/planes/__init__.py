"""Three planes linked by one crosshair: axial, coronal and sagittal, in mm of the scan.

Drawn with pyqtgraph, a dependency already, on napari's public API alone (dims, cursor, layers):

- ``napari-orthogonal-views`` (0.5), the best kept of the plugins, puts its views in place of
  napari's central widget, and reaches into private parts of napari for that and for its crosshair;
  it brings OpenCV along and caps napari. It knows neither mm of an oblique affine, nor which side
  of the body is where, nor values at the crosshair. ``napari-threedee`` has no linked planes.
- ``napari.qt.QtViewer`` on a ``ViewerModel``, as in napari's own example of several viewers, is
  public in napari 0.8 and 0.9. But each is a whole OpenGL canvas with a copy of every layer to be
  kept in step, one more upload a pass, and a crosshair on it needs a private registry of overlays.
- Slices of arrays that lie in memory anyway are cheap to cut and to draw. What napari shows is not
  copied: the limits and colours of its layers are read, and its sliders are set.
"""

"""Panels, plots and movies from a Run."""

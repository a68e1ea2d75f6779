"""The parts of the Corrupt dock: an anomaly or artefact that is tried on the open scan."""

"""What the Threshold dock is made of: the curve, the sweep, the passes."""

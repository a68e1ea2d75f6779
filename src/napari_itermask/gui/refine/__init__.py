"""What the Refine dock is made of: scan, model, settings, run."""

"""What the Inspect dock is made of: truth, components, stories and stability, a page each."""

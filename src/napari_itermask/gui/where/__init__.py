"""Which side is left, which plane is shown, and what lies under the cursor."""

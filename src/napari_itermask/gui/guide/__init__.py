"""What the Guide dock is made of: the guide in the making, and its spectrum."""

"""Small widgets and manners that the docks share."""

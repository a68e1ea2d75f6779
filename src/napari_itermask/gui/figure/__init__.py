"""The parts of the Figures dock."""

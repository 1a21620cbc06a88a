"""What all layers share: arrays, geometry, borders, errors, and the switch between definitions and fast functions."""

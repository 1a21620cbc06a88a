"""Common parts of all layers: arrays, geometry, borders, errors, and the switch between definitions and fast twins."""

"""Find a face and cut it out of a portrait."""

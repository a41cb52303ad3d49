"""From a folder of videos to a data set of motion and sound, and back to arrays."""

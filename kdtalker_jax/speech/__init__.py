"""Speech from text: voices that are installed here, or any program that writes sound."""

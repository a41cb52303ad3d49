"""What `python -m benchmarks.real_faces` measures, and how."""

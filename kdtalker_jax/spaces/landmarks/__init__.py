"""A face as dense landmarks (DreamHead, arXiv 2409.10281): MediaPipe's points, or the 162 of them that are lines."""

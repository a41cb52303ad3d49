"""Pictures, recordings and videos, in and out."""

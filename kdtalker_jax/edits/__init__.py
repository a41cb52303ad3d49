"""Edits: what changes a motion before it is rendered. From motion to motion, so that they combine."""

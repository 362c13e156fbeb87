"""Verification: the cases of our detections, and vectors recorded from a real analysisd."""

"""The format itself: what stands in a stream, and what it says, without loading it."""

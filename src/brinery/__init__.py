"""brinery: the pickle wire format as a plugin framework."""

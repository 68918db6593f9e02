"""The plugins that brinery comes with: part of every profile, through the same hooks as all others."""

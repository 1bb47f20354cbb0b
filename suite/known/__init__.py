"""What is known beforehand: the claims, deviations of frameworks, conventions at kinks, floors of evidence."""

"""One call of a user's, as it is: whether its derivatives are right."""

"""One operation of a user's: what it takes and gives, what it ought to be, and whether its derivatives are right."""
